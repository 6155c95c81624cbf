"""How a text is cut into the pieces that are indexed."""

CHUNKERS = {"plain": "memgarden.chunk.plain:PlainChunker"}
