"""LlamaIndex's vector store contract, a row a promise, over ours and two others: `python -m benchmarks.contract`.

Prints the table of the README. What a store does otherwise, refuses or does not have
is a dash.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llama_index.core.schema import ImageNode, NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from memgarden.embed.hashing import HashingEmbedder

Store = Any
DIMENSION = 64
EMBEDDER = HashingEmbedder(DIMENSION)
TEXTS = {
    "a": "green tea in the morning",
    "b": "black tea at night",
    "c": "a train to Lisbon",
    "d": "order 4711 of herring",
}


def vector(text: str) -> list[float]:
    """The embedding that every store is given."""
    found: list[float] = EMBEDDER.embed([text])[0].tolist()
    return found


def node(id_: str, text: str, document: str | None = None, **metadata: Any) -> TextNode:
    """An embedded node."""
    source = {} if document is None else {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=document)}
    return TextNode(id_=id_, text=text, metadata=metadata, relationships=source, embedding=vector(text))


def filled(store: Store) -> Store:
    """Four nodes of two documents."""
    store.add([node(id_, text, f"doc{n % 2}", n=n, kind=f"k{n % 2}") for n, (id_, text) in enumerate(TEXTS.items())])
    return store


def ask(store: Store, text: str = "tea", mode: str = "default", k: int = 4, **options: Any) -> list[str]:
    """The ids that a query finds."""
    embedded = None if mode in ("sparse", "text_search") else vector(text)
    query = VectorStoreQuery(
        query_str=text, query_embedding=embedded, similarity_top_k=k, mode=VectorStoreQueryMode(mode), **options
    )
    return list(store.query(query).ids or [])


def where(*filters: Any, condition: FilterCondition = FilterCondition.AND) -> MetadataFilters:
    """Filters of (key, operator, value)."""
    parts = [
        one if isinstance(one, MetadataFilters) else MetadataFilter(key=one[0], operator=one[1], value=one[2])
        for one in filters
    ]
    return MetadataFilters(filters=parts, condition=condition)


Check = Callable[[Store], bool]
ROWS: dict[str, Check] = {}


def row(name: str) -> Callable[[Check], Check]:
    """Names a promise."""

    def named(check: Check) -> Check:
        ROWS[name] = check
        return check

    return named


@row("finds the nearest")
def _(store: Store) -> bool:
    return ask(filled(store), TEXTS["c"], k=1) == ["c"]


@row("adding a node again replaces it")
def _(store: Store) -> bool:
    filled(store).add([node("a", "oolong in the afternoon", "doc0")])
    return ask(store, "oolong in the afternoon", k=9)[0] == "a" and len(ask(store, k=9)) == 4


@row("sparse and text search, without an embedding")
def _(store: Store) -> bool:
    return ask(filled(store), "4711", "sparse") == ["d"] == ask(store, "herring", "text_search")


@row("hybrid, with alpha 0 and 1 as they are meant")
def _(store: Store) -> bool:
    lexical, dense = ask(filled(store), "tea 4711", "sparse"), ask(store, "tea 4711")
    return (
        ask(store, "tea 4711", "hybrid", alpha=0.0) == lexical and ask(store, "tea 4711", "hybrid", alpha=1.0) == dense
    )


@row("MMR with its threshold")
def _(store: Store) -> bool:
    filled(store).add([node("again", TEXTS["a"])])
    plain = set(ask(store, TEXTS["a"], k=2))
    varied = set(ask(store, TEXTS["a"], "mmr", k=2, mmr_threshold=0.1))
    return plain == {"a", "again"} and varied != plain and len(varied) == 2


@row("a mode that it has not is an error, and answered by no other")
def _(store: Store) -> bool:
    filled(store)
    for mode in ("sparse", "hybrid"):
        query = VectorStoreQuery(
            query_str="4711",
            query_embedding=vector(TEXTS["a"]),
            similarity_top_k=1,
            alpha=0.0,
            mode=VectorStoreQueryMode(mode),
        )
        try:
            if list(store.query(query).ids or []) != ["d"]:
                return False
        except (ValueError, NotImplementedError):
            continue
    return True


@row("every operator")
def _(store: Store) -> bool:
    store.add([node("x", "x", n=1, s="Abc", l=["p", "q"]), node("y", "y", n=2, s="xyz", l=["q"]), node("z", "z")])
    due: list[tuple[tuple[str, FilterOperator, Any], set[str]]] = [
        (("n", FilterOperator.EQ, 1), {"x"}),
        (("n", FilterOperator.NE, 1), {"y", "z"}),
        (("n", FilterOperator.GT, 1), {"y"}),
        (("n", FilterOperator.GTE, 1), {"x", "y"}),
        (("n", FilterOperator.LT, 2), {"x"}),
        (("n", FilterOperator.LTE, 2), {"x", "y"}),
        (("n", FilterOperator.IN, [1, 5]), {"x"}),
        (("n", FilterOperator.NIN, [1, 5]), {"y", "z"}),
        (("l", FilterOperator.ANY, ["p"]), {"x"}),
        (("l", FilterOperator.ALL, ["p", "q"]), {"x"}),
        (("l", FilterOperator.CONTAINS, "q"), {"x", "y"}),
        (("s", FilterOperator.TEXT_MATCH, "bc"), {"x"}),
        (("s", FilterOperator.TEXT_MATCH_INSENSITIVE, "aB"), {"x"}),
        (("n", FilterOperator.IS_EMPTY, None), {"z"}),
    ]
    return all(set(ask(store, "x", filters=where(one))) == wanted for one, wanted in due)


@row("AND, OR and NOT, nested")
def _(store: Store) -> bool:
    filled(store)
    eq = FilterOperator.EQ
    inner = where(("n", eq, 0), ("n", eq, 3), condition=FilterCondition.OR)
    return set(ask(store, filters=where(inner, ("kind", eq, "k1")))) == {"d"} and set(
        ask(store, filters=where(inner, condition=FilterCondition.NOT))
    ) == {"b", "c"}


@row("a filter on another type is no error")
def _(store: Store) -> bool:
    store.add([node("x", "x", v=1), node("y", "y", v="text")])
    return set(ask(store, "x", filters=where(("v", FilterOperator.GT, 0)))) == {"x"}


@row("node_ids and doc_ids narrow")
def _(store: Store) -> bool:
    filled(store)
    return set(ask(store, node_ids=["a", "b"])) == {"a", "b"} and set(ask(store, doc_ids=["doc1"])) == {"b", "d"}


@row("an empty list of node_ids narrows nothing")
def _(store: Store) -> bool:
    return len(ask(filled(store), node_ids=[])) == 4


@row("deletes a document's nodes")
def _(store: Store) -> bool:
    filled(store).delete("doc1")
    return set(ask(store)) == {"a", "c"}


@row('deleting "None" leaves nodes without a source')
def _(store: Store) -> bool:
    filled(store).add([node("orphan", "an orphan")])
    store.delete("None")
    return len(ask(store, k=9)) == 5


@row("get_nodes by id, in their order, and by filter")
def _(store: Store) -> bool:
    filled(store)
    odd = where(("kind", FilterOperator.EQ, "k1"))
    return [one.node_id for one in store.get_nodes(["d", "a"])] == ["d", "a"] and [
        one.node_id for one in store.get_nodes(filters=odd)
    ] == ["b", "d"]


@row("delete_nodes by id and by filter")
def _(store: Store) -> bool:
    filled(store).delete_nodes(["a"])
    store.delete_nodes(filters=where(("kind", FilterOperator.EQ, "k1")))
    return ask(store) == ["c"]


@row("clear")
def _(store: Store) -> bool:
    filled(store).clear()
    return ask(store) == [] and len(ask(filled(store))) == 4


@row("nested, list and None metadata come back")
def _(store: Store) -> bool:
    metadata = {"a": {"deep": [1, None]}, "l": ["x"], "none": None}
    store.add([node("x", "x", "doc", **metadata)])
    result = store.query(VectorStoreQuery(query_embedding=vector("x"), similarity_top_k=1))
    (found,) = result.nodes or []
    return bool(found.metadata == metadata and found.get_content() == "x" and found.ref_doc_id == "doc")


@row("images stay images")
def _(store: Store) -> bool:
    store.add([ImageNode(text="caption", id_="i", image="aGVsbG8=", embedding=vector("caption"))])
    result = store.query(VectorStoreQuery(query_embedding=vector("caption"), similarity_top_k=1))
    (found,) = result.nodes or []
    return isinstance(found, ImageNode) and found.image == "aGVsbG8="


@row("vectors of another dimension are refused")
def _(store: Store) -> bool:
    filled(store)
    try:
        store.add([TextNode(text="x", embedding=[1.0, 2.0])])
    except Exception:  # noqa: BLE001  # by whatever error
        return len(ask(store, k=9)) == 4
    return False


@row("async methods leave the event loop")
def _(store: Store) -> bool:
    own = [
        name
        for name in ("async_add", "adelete", "aquery", "aget_nodes", "adelete_nodes", "aclear")
        if getattr(type(store), name) is not getattr(BasePydanticVectorStore, name)
    ]
    if len(own) < 6:
        return False
    threads: set[int] = set()
    query = type(store).query

    def seen(self: Store, *arguments: Any, **options: Any) -> Any:
        threads.add(threading.get_ident())
        return query(self, *arguments, **options)

    type(store).query = seen
    try:
        asyncio.run(filled(store).aquery(VectorStoreQuery(query_embedding=vector("x"), similarity_top_k=1)))
    finally:
        type(store).query = query
    return threading.get_ident() not in threads


@row("kept by another process without being told to")
def _(store: Store) -> bool:
    filled(store)
    return bool(len(ask(REOPEN[type(store).__name__](store))) == 4)


REOPEN: dict[str, Callable[[Store], Store]] = {}


@contextmanager
def ours(folder: Path) -> Iterator[Store]:
    """A store of alice's."""
    from llama_index_memgarden import MemGardenVectorStore
    from memgarden import Garden

    with Garden.open(folder / "garden", embedder=EMBEDDER, chroma=None) as garden:

        def reopen(store: Store) -> Store:
            return MemGardenVectorStore(Garden.open(folder / "garden", embedder=EMBEDDER, chroma=None), "alice")

        REOPEN["MemGardenVectorStore"] = reopen
        yield MemGardenVectorStore(garden, "alice")


@contextmanager
def chroma(folder: Path) -> Iterator[Store]:
    """ChromaVectorStore over a folder."""
    import chromadb
    from llama_index.vector_stores.chroma import ChromaVectorStore

    def opened() -> Any:
        client = chromadb.PersistentClient(str(folder / "chroma"), chromadb.Settings(anonymized_telemetry=False))
        return client.get_or_create_collection("nodes", configuration={"hnsw": {"space": "cosine"}})

    REOPEN["ChromaVectorStore"] = lambda store: ChromaVectorStore(chroma_collection=opened())
    yield ChromaVectorStore(chroma_collection=opened())


@contextmanager
def simple(folder: Path) -> Iterator[Store]:
    """SimpleVectorStore, which an index has if it is given none."""
    REOPEN["SimpleVectorStore"] = lambda store: SimpleVectorStore()
    yield SimpleVectorStore()


STORES: Mapping[str, Callable[[Path], Any]] = {
    "MemGardenVectorStore": ours,
    "ChromaVectorStore": chroma,
    "SimpleVectorStore": simple,
}


def passes(name: str, check: Check) -> bool:
    """Whether a store keeps a promise."""
    with tempfile.TemporaryDirectory() as folder, STORES[name](Path(folder)) as store:
        try:
            return bool(check(store))
        except Exception:  # noqa: BLE001  # whatever it is, the promise is not kept
            return False


def table() -> str:
    """The README's."""
    lines = ["| | " + " | ".join(STORES) + " |", "|---" * (len(STORES) + 1) + "|"]
    for name, check in ROWS.items():
        marks = ["yes" if passes(store, check) else "–" for store in STORES]
        lines.append(f"| {name} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(table())
