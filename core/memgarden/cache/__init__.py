"""What is remembered so that it need not be computed or fetched again."""
