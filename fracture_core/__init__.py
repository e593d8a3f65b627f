"""Fracture detection on x-ray studies: read, train, judge, evaluate.

The library behind the explorer. It needs no Streamlit, and only what trains or judges loads
TensorFlow. Modules are nouns; docs/architecture.md says which may import which.
"""

__version__ = "0.1.0"
