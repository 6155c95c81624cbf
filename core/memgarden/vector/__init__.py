"""Vector indexes: where a chunk's vector is kept beside SQL, by name.

Nothing heavy is imported here: `import chromadb` costs 1.2 s and 76 MB, so it happens when Chroma is first used.
"""

from __future__ import annotations

__all__ = ["INDEXES"]

INDEXES = {
    "chroma": "memgarden.vector.collection:ChromaIndex",
}
