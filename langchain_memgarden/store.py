"""LangGraph's long-term memory over a garden: namespaces are scopes, items are memories."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    ensure_embeddings,
)

from langchain_memgarden.embeddings import as_embedder
from langchain_memgarden.items import (
    RECORD,
    is_item,
    matches,
    narrowed,
    text_of,
    times_of,
    to_memory,
    ttl_of,
    value_of,
)
from langchain_memgarden.namespaces import Namespace, check, decode_label, encode_label, fits, literal
from langchain_memgarden.users import Place
from memgarden import Garden, GardenClosed, MemgardenError, Memory, Scope, shared_garden

__all__ = ["MemGardenStore"]

logger = logging.getLogger(__name__)

RECORDS = "#llama_index"
WHOLE = ("$",)
REFRESHED = 0.01  # the share of its time that an item must have lost before a reading is worth a write
MOST, MOST_FOUND = 2**31 - 1, 10_000


class MemGardenStore(BaseStore):
    """A LangGraph store that keeps everything, in a garden.

    The items of a namespace are the memories of the scope of the same labels, below `root` if there is one: what a
    retriever, a vector store or LlamaIndex stored there is an item here, with its text as `content`. `search` with a
    query is hybrid; its scores are relevances from 0 to 1. Below a prefix each namespace is searched, and the best of
    all are given. What is not indexed comes after what is, without a score.

    In a batch, reads see what was there before it, and of several puts of one key the last holds; what is put into one
    namespace is stored in one transaction. Items without a query come latest first.
    Expired items are gone at once; `sweep_ttl` or `start_ttl_sweeper` free their place.
    """

    __slots__ = ("_fields", "_garden", "_root", "_stop", "_sweeper", "ttl_config")

    supports_ttl = True

    def __init__(
        self,
        garden: Place = "./garden",
        *,
        index: IndexConfig | Literal[False] | None = None,
        ttl: TTLConfig | None = None,
        root: Namespace = (),
    ) -> None:
        """Items in a garden, which may be a folder or a URL.

        `index` says which `fields` are indexed (all of each value, if it does not), and may bring the garden's model as
        `embed`; False indexes nothing but where a put says so. `ttl` is LangGraph's, in minutes.
        """
        config: Mapping[str, Any] = index or {}
        embed = config.get("embed")
        embedder = None if embed is None else as_embedder(ensure_embeddings(embed))
        self._garden = shared_garden(garden, embedder=embedder)
        if config.get("dims") not in (None, self._garden.embedder.dimension):
            raise ValueError(
                f"the garden's vectors have {self._garden.embedder.dimension} dimensions, not {config['dims']}"
            )
        self._fields: Sequence[str] = () if index is False else tuple(config.get("fields") or WHOLE)
        self._root = (root,) if isinstance(root, str) else tuple(root)
        self.ttl_config = ttl
        self._sweeper: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def garden(self) -> Garden:
        """Where the items are."""
        return self._garden

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations; a result for each, None for puts."""
        asked = list(ops)
        for op in asked:
            check(op)
        results = [self._read(op) for op in asked]
        self._put([op for op in asked if isinstance(op, PutOp)])
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _read(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            return self._get(op)
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            return self._namespaces(op)
        return None

    def _scope(self, namespace: Namespace) -> Scope:
        return self._garden.scope(*self._root, *map(decode_label, namespace))

    def _below(self, prefix: Namespace) -> list[Namespace]:
        """The namespaces at and below a prefix that hold items."""
        paths = self._garden.scopes(*self._root, *map(decode_label, prefix))
        below = [path[len(self._root) :] for path in paths if len(path) > len(self._root)]
        # Records that another framework keeps beside a user's memories are no items.
        return [tuple(map(encode_label, path)) for path in below if not path[-1].startswith(RECORDS)]

    def _get(self, op: GetOp) -> Item | None:
        if not op.namespace:
            return None
        scope = self._scope(op.namespace)
        memory = scope.get(op.key)
        if memory is None:
            return None
        if op.refresh_ttl:
            _refresh(scope, memory)
        created, updated = times_of(memory)
        return Item(
            value=value_of(memory), key=memory.id, namespace=op.namespace, created_at=created, updated_at=updated
        )

    def _search(self, op: SearchOp) -> list[SearchItem]:
        most = max(0, op.offset) + max(0, op.limit)
        if not most:
            return []
        found: list[tuple[Namespace, Memory, float | None]] = []
        namespaces = self._below(op.namespace_prefix)
        query = op.query if op.query and op.query.strip() else None
        if query is not None:
            for namespace in namespaces:
                hits = _matching(self._scope(namespace), query, op.filter, most)
                found += [(namespace, memory, score) for memory, score in hits]
            if len(namespaces) > 1:
                found.sort(key=lambda one: -(one[2] or 0.0))
        if len(found) < most:
            rest = [
                (namespace, memory, None)
                for namespace in namespaces
                for memory in _listed(self._scope(namespace), op.filter, most, unindexed=query is not None)
            ]
            found += sorted(rest, key=lambda one: times_of(one[1])[1], reverse=True)
        page = found[max(0, op.offset) : most]
        if op.refresh_ttl:
            for namespace, memory, _ in page:
                _refresh(self._scope(namespace), memory)
        return [_search_item(*one) for one in page]

    def _namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        conditions = op.match_conditions or ()
        found = {
            namespace[: op.max_depth]
            for namespace in self._below(literal(conditions))
            if all(fits(condition, namespace) for condition in conditions)
        }
        return sorted(found)[op.offset : op.offset + op.limit]

    def _put(self, ops: Sequence[PutOp]) -> None:
        last = {(op.namespace, op.key): op for op in ops if op.namespace}  # nothing lies in no namespace
        for namespace in dict.fromkeys(namespace for namespace, _ in last):
            self._store(self._scope(namespace), [op for op in last.values() if op.namespace == namespace])

    def _store(self, scope: Scope, ops: Sequence[PutOp]) -> None:
        put = {op.key: op for op in ops if op.value is not None}

        def make(key: str, old: Memory | None) -> Memory:
            op = put[key]
            return to_memory(key, op.value or {}, self._text(op), op.ttl, old, datetime.now(UTC))

        if put:
            scope.rewrite(put, make)
        if gone := [op.key for op in ops if op.value is None]:
            scope.delete(gone)

    def _text(self, op: PutOp) -> str:
        fields = () if op.index is False else self._fields if op.index is None else op.index
        return text_of(op.value or {}, fields)

    def sweep_ttl(self) -> int:
        """Delete what has expired, in all of the garden; returns how many items there were."""
        return self._garden.sweep()

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweep in the background, every so many minutes (the config's, or 5), until `stop_ttl_sweeper` or `close`."""
        if self._sweeper is not None and self._sweeper.is_alive():
            return
        minutes = sweep_interval_minutes or (self.ttl_config or {}).get("sweep_interval_minutes") or 5
        self._stop.clear()
        self._sweeper = threading.Thread(target=self._sweep, args=(minutes * 60,), name="memgarden-ttl", daemon=True)
        self._sweeper.start()

    def _sweep(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                self._garden.sweep()
            except GardenClosed:
                return
            except MemgardenError as error:
                logger.warning("expired items were not swept, and will be in %g s: %s", seconds, error)

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """End the sweeping in the background; whether it ended within `timeout` seconds."""
        self._stop.set()
        if self._sweeper is not None:
            self._sweeper.join(timeout)
            if self._sweeper.is_alive():
                return False
            self._sweeper = None
        return True

    def close(self) -> None:
        """End what goes on in the background. The garden stays open: it is whose it was."""
        self.stop_ttl_sweeper()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _matching(scope: Scope, query: str, where: Mapping[str, Any] | None, most: int) -> list[tuple[Memory, float]]:
    """The best indexed items for a query among those of the filter, with their relevance."""
    k = min(most, MOST_FOUND)
    hits = scope.search(query, k=k, where=narrowed(where) or None, phrases=False)
    if where and not all(matches(value_of(hit.memory), where) for hit in hits):
        exact = [memory.id for memory in _filtered(scope, where)]
        hits = scope.search(query, k=k, where={"id": {"$in": exact}}, phrases=False) if exact else []
    return [(hit.memory, hit.relevance) for hit in hits]


def _listed(scope: Scope, where: Mapping[str, Any] | None, most: int, *, unindexed: bool) -> list[Memory]:
    """The latest items among those of the filter, or of those that are not indexed."""
    if where or unindexed:
        found = [memory for memory in _filtered(scope, where or {}) if not unindexed or memory.kind == RECORD]
    else:
        found = scope.list(order="-stored_at", limit=min(most, MOST))
        if any(ttl_of(memory) is not None for memory in found):  # a refreshed one stands before those put after it
            found = scope.list(order="-stored_at", limit=MOST)
    return sorted(found, key=lambda memory: times_of(memory)[1], reverse=True)[:most]


def _filtered(scope: Scope, where: Mapping[str, Any]) -> list[Memory]:
    found = scope.list(where=narrowed(where) or None, order="-stored_at", limit=MOST)
    return [memory for memory in found if matches(value_of(memory), where)]


def _refresh(scope: Scope, memory: Memory) -> None:
    """An item that was read lives on for as long as it was given when it was put."""
    ttl, ends = ttl_of(memory), memory.expires_at
    if ttl is None or ends is None:
        return
    due = datetime.now(UTC) + timedelta(minutes=ttl)
    if (due - ends).total_seconds() <= REFRESHED * ttl * 60:
        return

    def renew(key: str, now: Memory | None) -> Memory | None:
        # What was put or deleted since the reading is not what was read.
        same = now is not None and is_item(now) and times_of(now) == times_of(memory)
        return replace(now, expires_at=due) if same and now is not None else None

    scope.rewrite([memory.id], renew)


def _search_item(namespace: Namespace, memory: Memory, score: float | None) -> SearchItem:
    created, updated = times_of(memory)
    return SearchItem(
        namespace=namespace, key=memory.id, value=value_of(memory), created_at=created, updated_at=updated, score=score
    )
