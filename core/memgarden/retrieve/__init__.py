"""The read path after the index: legs, fusion, collapse, explanation."""
