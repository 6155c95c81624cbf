"""How a garden is doing."""
