"""Exports: a run as one file, a model in other programs' formats."""
