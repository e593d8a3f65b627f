"""Two models on the same studies: paired figures, McNemar's test, a sentence."""
