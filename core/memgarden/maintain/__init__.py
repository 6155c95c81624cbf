"""What keeps a garden small and lets it move: exports, imports."""
