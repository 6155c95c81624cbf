"""The layouts in which LangChain, LlamaIndex and memgarden itself put a text into a Chroma collection.

LangChain's is plain: the text is the document, the metadata the user's. LlamaIndex writes the node as JSON beside the
user's metadata. Of memgarden's own collections a record is a chunk, with what is known of its memory under `mg.`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import Any

from memgarden.errors import InvalidMemory
from memgarden.ingest.adopt import Placed
from memgarden.ingest.pieces import Pieces, is_piece
from memgarden.ingest.validate import check_memory
from memgarden.paths import encode_path
from memgarden.records import Memory, ScopePath

__all__ = ["BOOKKEEPING", "CONTENT", "NODE", "Layouts"]

CONTENT, KIND = "_node_content", "_node_type"
DOCUMENT = ("ref_doc_id", "doc_id", "document_id")
BOOKKEEPING = frozenset({CONTENT, KIND, *DOCUMENT})
"""What LlamaIndex's stores write into a record's metadata besides the user's own."""

NODE = "_llama_index"
"""Where the metadata of a memory has what `llama_index_memgarden` makes the node of again."""

NO_DOCUMENT = "None"  # LlamaIndex's word for a node that is of no document
BODY = {"Document": "text_resource", "Node": "text_resource"}  # where these classes have their text; others in `text`


class Layouts:
    """Reads the records of a collection, each by its own layout, into one scope."""

    def __init__(self, path: ScopePath, origins: Set[tuple[str, str]]) -> None:
        """`origins` are the gardens and scopes that the collection's records name: see `origin`.

        Where they name several, only those of a scope called `path` are taken: ids of two users may be equal.
        """
        self._path = path
        own = origins if len(origins) == 1 else {each for each in origins if each[1] == encode_path(path)}
        self._pieces = Pieces(path, next(iter(own)) if len(own) == 1 else None)

    def read(self, id: str, document: str | None, metadata: Mapping[str, Any]) -> Placed | None:
        """The memory of a record; None for a part of one that is not whole yet."""
        if document is None:
            raise InvalidMemory("it has no document, and there is nothing to remember of a vector alone")
        if is_piece(metadata):
            return self._pieces.read(id, document, metadata)
        return Placed(self._path, check_memory(_memory(id, document, metadata)), timed=False)

    def left(self) -> Mapping[str, str]:
        """The parts of memories that are not whole."""
        return self._pieces.left()


def _memory(id: str, document: str, metadata: Mapping[str, Any]) -> Memory:
    node = _node(metadata)
    if node is None:
        return Memory(document, id=id, metadata=dict(metadata), kind="document")
    own = node.pop("metadata", None)
    kind = metadata.get(KIND) or node.get("class_name")
    body = BODY.get(str(kind), "text")
    # The text is the memory's: what stands for it here says only where it goes.
    node = {key: value for key, value in node.items() if key not in ("text", "text_resource")} | {"embedding": None}
    if body != "text":
        node[body] = {}
    kept = {key: value for key, value in metadata.items() if key not in BOOKKEEPING}
    told = {NODE: {"class": kind or "TextNode", "ref_doc_id": _document(metadata), "node": node}}
    return Memory(document, id=id, metadata=kept | (own if isinstance(own, dict) else {}) | told, kind="node")


def _node(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """The node that LlamaIndex wrote as JSON; None for what only looks like one."""
    try:
        node = json.loads(metadata[CONTENT])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return node if isinstance(node, dict) and "id_" in node else None


def _document(metadata: Mapping[str, Any]) -> str | None:
    named = next((metadata[key] for key in DOCUMENT if isinstance(metadata.get(key), str)), NO_DOCUMENT)
    return None if named in (NO_DOCUMENT, "") else named
