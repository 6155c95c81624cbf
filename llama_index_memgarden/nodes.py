"""Nodes as memories and back: a node that was stored comes back as it was, but for its embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageDocument,
    ImageNode,
    IndexNode,
    MetadataMode,
    Node,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)

from memgarden import Hit, Memory

__all__ = ["BLANK", "CLASSES", "NODE", "REF_DOC", "fields_of", "is_node", "metadata_of", "node_of", "ref_doc_of"]

NODE = "_llama_index"
"""Where a memory's metadata has what is LlamaIndex's of it: the node's class, its document, and the node itself."""

REF_DOC = f"metadata.{NODE}.ref_doc_id"
CREATED = "created_at"  # when it was said, for whoever weighs how new a node is; no model is told
BLANK = "-"  # the text of a node without any, such as a picture: a memory has one, and this holds no word
RESOURCES = ("image_resource", "audio_resource", "video_resource")
CLASSES: Mapping[str, type[BaseNode]] = {
    one.class_name(): one for one in (Document, ImageDocument, ImageNode, IndexNode, Node, TextNode)
}


def fields_of(node: BaseNode) -> dict[str, Any]:
    """The fields of the memory that a node is; its metadata is the memory's, so that every search may filter by it."""
    content = node.get_content(metadata_mode=MetadataMode.NONE)
    dumped = node.model_dump(mode="json")
    metadata = dumped.pop("metadata")
    if NODE in metadata:
        raise ValueError(f"the node {node.node_id!r} has metadata called {NODE!r}, which is memgarden's: rename it")
    dumped["embedding"] = None
    for name in RESOURCES:  # LlamaIndex leaves out what a picture is made of when it writes a node down
        data = getattr(getattr(node, name, None), "data", None)
        if isinstance(data, bytes):
            dumped[name]["data"] = data.decode("ascii")
    text = content if content.strip() else BLANK
    if dumped.get("text") == text:  # once is enough
        del dumped["text"]
    elif (dumped.get("text_resource") or {}).get("text") == text:
        del dumped["text_resource"]["text"]
    own = {"class": node.class_name(), "ref_doc_id": node.ref_doc_id, "node": dumped}
    return {"text": text, "id": node.node_id, "kind": "node", "metadata": metadata | {NODE: own}}


def is_node(memory: Memory) -> bool:
    """Whether LlamaIndex stored it."""
    own = memory.metadata.get(NODE)
    return isinstance(own, Mapping) and isinstance(own.get("node"), Mapping) and "class" in own


def ref_doc_of(memory: Memory) -> str | None:
    """The id of the document that a node is a part of; what others stored is a document by itself."""
    if not is_node(memory):
        return memory.id
    found: str | None = memory.metadata[NODE].get("ref_doc_id")
    return found


def metadata_of(memory: Memory) -> dict[str, Any]:
    """The metadata that filters see: a node's own, and of what others stored all there is."""
    return {key: value for key, value in memory.metadata.items() if key != NODE}


def node_of(memory: Memory, hit: Hit | None = None) -> BaseNode:
    """The node that a memory is; of what others stored, a TextNode, with the chunk that a hit stands for."""
    if not is_node(memory):
        return _foreign(memory, hit)
    own = memory.metadata[NODE]
    data = dict(own["node"]) | {"metadata": metadata_of(memory)}
    if "text_resource" in data and isinstance(data["text_resource"], Mapping) and "text" not in data["text_resource"]:
        data["text_resource"] = dict(data["text_resource"]) | {"text": memory.text}
    elif "text" not in data and "text_resource" not in data:
        data["text"] = memory.text
    return CLASSES.get(own["class"], TextNode).from_dict(data)


def _foreign(memory: Memory, hit: Hit | None) -> TextNode:
    start, text = (0, memory.text) if hit is None else (hit.start, hit.passage)
    return TextNode(
        text=text,
        id_=memory.id,
        metadata={CREATED: memory.created_at.isoformat()} | dict(memory.metadata),
        excluded_embed_metadata_keys=[CREATED],
        excluded_llm_metadata_keys=[CREATED],
        start_char_idx=start,
        end_char_idx=len(memory.text) if hit is None else hit.end,
        # Without a source a node's `ref_doc_id` is None, which LlamaIndex's stores write as the text "None".
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=memory.id)},
    )
