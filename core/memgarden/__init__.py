"""Long-term memory for LLM applications."""
