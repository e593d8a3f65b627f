"""Learning curves over training size: the error at shares of the patients, and a forecast."""
