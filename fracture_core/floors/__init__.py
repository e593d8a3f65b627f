"""Floors: what a figure is without learning, by which a model's own figure is read."""
