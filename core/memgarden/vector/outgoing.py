"""Memories as records of a Chroma collection that LangChain or LlamaIndex reads: a record a chunk.

What memgarden knows of a chunk stands under `mg.`, as in its own collections, and tells a memory's records from others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from memgarden.fields import fields_of
from memgarden.protocols import ChunkRecord
from memgarden.records import Chunk, Entry, Floats, Memory, ScopePath
from memgarden.vector.limits import CLOUD, Limits
from memgarden.vector.metadata import OWN, Flat, flatten

__all__ = ["LAYOUTS", "Layout", "Outgoing", "Source", "outgoing"]

Layout = Literal["langchain", "llama-index"]

NUMBERED = re.compile(r"#\d+\Z")
NODE = "_llama_index"  # where the metadata of a memory has the node that LlamaIndex stored
CREATED = "created_at"


class Outgoing(NamedTuple):
    """A record as Chroma is to have it."""

    id: str
    text: str
    metadata: Flat
    vector: Floats


@dataclass(frozen=True, slots=True)
class Source:
    """Where records come from: the garden, by its id, the scope, and the embedder of the vectors."""

    garden: str
    scope: ScopePath
    embedder: str


def outgoing(entry: Entry, source: Source, layout: str, limits: Limits) -> list[Outgoing]:
    """The records of a memory, one a chunk; the first is called as the memory is."""
    memory, chunks = entry.memory, entry.chunks
    return [_record(memory, chunk, n, len(chunks), source, layout, limits) for n, chunk in enumerate(chunks)]


def _record(
    memory: Memory, chunk: Chunk, number: int, count: int, source: Source, layout: str, limits: Limits
) -> Outgoing:
    fields = fields_of(memory, chunk.start, chunk.end) | {"garden": source.garden, "embedder": source.embedder}
    metadata = {key: value for key, value in memory.metadata.items() if key != NODE}
    text = memory.text[chunk.start : chunk.end]
    id = _id(memory.id, number)  # noqa: A001
    document, flat = flatten(ChunkRecord(id, text, chunk.vector, metadata, fields, source.scope), limits)
    plain = {key: value for key, value in flat.items() if not key.startswith(OWN)}
    added = LAYOUTS[layout](memory, chunk, id, plain, count == 1)
    told = {key: value for key, value in (flat | added).items() if not key.startswith(OWN) and key not in added}
    # Equal as JSON, for 1 and True are equal too.
    if number == 0 and (_json(told) != _json(memory.metadata) or any("," in tag or not tag for tag in memory.tags)):
        exact = _json({"metadata": memory.metadata, "tags": memory.tags})
        # Chroma of one's own takes any length: what it has of the metadata in filters' form may be cut.
        if len(exact.encode()) <= (limits.value_bytes if limits == CLOUD else limits.document_bytes):
            added = added | {OWN + "json": exact}
    return Outgoing(id, document, flat | added, chunk.vector)


def _id(memory: str, number: int) -> str:
    """The id of a memory's record: no two chunks of any memories have one, whatever the memories are called."""
    return memory if number == 0 and not NUMBERED.search(memory) else f"{memory}#{number}"


def _plain(memory: Memory, chunk: Chunk, id: str, metadata: Flat, whole: bool) -> Flat:
    """LangChain's: there is nothing to add."""
    return {}


def _node(memory: Memory, chunk: Chunk, id: str, metadata: Flat, whole: bool) -> Flat:
    """LlamaIndex's: the node as JSON, without its text, and the document that it is of, which is the memory."""
    own = memory.metadata.get(NODE)
    if whole and isinstance(own, Mapping) and isinstance(own.get("node"), Mapping):
        kept = {key: value for key, value in own["node"].items() if key not in ("text", "text_resource")}
        inner = {key: value for key, value in memory.metadata.items() if key != NODE}
        document, kind = own.get("ref_doc_id"), str(own.get("class"))
        node = kept | {"id_": id, "metadata": inner, "embedding": None}
    else:
        document, kind = memory.id, "TextNode"
        node = {
            "id_": id,
            "embedding": None,
            "metadata": {CREATED: memory.created_at.isoformat()} | metadata,
            "excluded_embed_metadata_keys": [CREATED],
            "excluded_llm_metadata_keys": [CREATED],
            "relationships": {"1": {"node_id": memory.id, "metadata": {}, "class_name": "RelatedNodeInfo"}},
            "text": "",
            "start_char_idx": chunk.start,
            "end_char_idx": chunk.end,
            "class_name": kind,
        }
    named: Flat = dict.fromkeys(("document_id", "doc_id", "ref_doc_id"), str(document))
    return {"_node_content": _json(node), "_node_type": kind} | named


LAYOUTS: Mapping[str, Callable[[Memory, Chunk, str, Flat, bool], Flat]] = {"langchain": _plain, "llama-index": _node}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_listed)


def _listed(value: Any) -> Sequence[Any] | dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else list(value)
