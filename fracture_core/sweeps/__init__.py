"""Sweeps: several values of some settings, each with several seeds, and an answer in words."""
