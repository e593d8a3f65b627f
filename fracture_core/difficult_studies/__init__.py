"""Difficult studies: errors, disputes among films, forgotten studies, labels in doubt."""
