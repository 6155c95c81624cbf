"""One user's part of a garden: everything here reads and writes this scope and no other."""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Sized
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

import numpy as np

from memgarden.asking import How, answer, matching, told
from memgarden.errors import InvalidMemory, InvalidQuery, MemoryNotFound
from memgarden.ingest.batches import batches
from memgarden.ingest.messages import read_messages
from memgarden.ingest.validate import check_memory, is_storable, to_importance
from memgarden.parts import Parts
from memgarden.protocols import Expanding, Order, Reranking
from memgarden.records import ChunkInfo, Hit, Importance, Memory, ScopePath, new_id, utc_now
from memgarden.retrieve.expansion import MOST
from memgarden.retrieve.query import MAX_K, GroupBy, Mode
from memgarden.retrieve.rerank import DEPTH
from memgarden.rewriting import Make, rewrite
from memgarden.turns import hash_name
from memgarden.upkeep import Past

if TYPE_CHECKING:
    import numpy.typing as npt

    from memgarden.forgetting import Receipt
    from memgarden.maintain.duplicates import Duplicates
    from memgarden.maintain.policy import Deduplication

__all__ = ["Scope"]

T = TypeVar("T")
Item = str | Memory | Mapping[str, Any]

EMBEDDED_BATCH = 128  # about a second of embedding on two cores, so progress is seen and little is done again
GIVEN_BATCH = 2000  # with vectors at hand the commit is what costs: fewer, larger transactions
MAX_OFFSET = 2**31 - 1


class _Unset:
    """The value of an argument that was not given, where None means something."""


UNSET: Final = _Unset()


class Scope:
    """One user's memories. Bound to its path at birth: no method can reach another scope.

    Safe for threads, and for any number of processes on one garden. What a method that writes has returned from is
    on disk, and found by the next search of any process.
    """

    def __init__(self, parts: Parts, path: ScopePath) -> None:
        """Use `Garden.scope(*labels)`, which checks the labels."""
        self._held = parts
        self._path = path

    def __repr__(self) -> str:
        return f"Scope({', '.join(map(repr, self._path))})"

    @property
    def path(self) -> ScopePath:
        """The labels that the scope was made with."""
        return self._path

    @property
    def _parts(self) -> Parts:
        return self._held.opened()

    def add(
        self,
        text: str,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        importance: str | Importance = Importance.MEDIUM,
        kind: str = "note",
        created_at: datetime | None = None,
        expires_at: datetime | None = None,
        vector: npt.ArrayLike | None = None,
        embedder: str | None = None,
    ) -> Memory:
        """Store one memory and return it. An id that the scope holds already is replaced whole.

        `created_at` is when it was said (now, if not given). `vector` `(d,)` is taken instead of embedding the text, if
        `embedder` names the garden's; `EmbedderMismatch` otherwise. `InvalidMemory` says what cannot be stored.
        """
        now = utc_now()
        memory = check_memory(
            Memory(
                text=text,
                id=new_id() if id is None else id,
                metadata={} if metadata is None else metadata,
                tags=tags,  # type: ignore[arg-type]  # made a tuple by the check
                importance=importance,  # type: ignore[arg-type]  # likewise an Importance
                kind=kind,
                created_at=now if created_at is None else created_at,
                expires_at=expires_at,
                stored_at=now,
            )
        )
        vectors = None if vector is None else np.asarray(vector)[np.newaxis]
        parts = self._parts
        parts.sink.put(self._path, parts.preparer.entries([memory], self._before, vectors, embedder))
        parts.wrote()
        return memory

    def add_many(
        self,
        items: Iterable[Item],
        *,
        vectors: npt.ArrayLike | None = None,
        embedder: str | None = None,
        batch_size: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> builtins.list[str]:
        """Store memories from texts, `Memory`s or mappings of their fields; returns their ids in order.

        Each batch is one transaction, and `progress` is told how many items are stored after each. Of equal ids the
        last wins. `vectors` `(n, d)` go with the items as in `add`. An item that cannot be stored raises
        `InvalidMemory` with its number; the batches before it stay.
        """
        if isinstance(items, str | bytes | Mapping):
            raise InvalidMemory("add_many takes several memories: add_many([item]), or add(...) for one")
        size = batch_size or (EMBEDDED_BATCH if vectors is None else GIVEN_BATCH)
        given = None if vectors is None else np.asarray(vectors)
        if given is not None and given.ndim != 2:
            raise InvalidMemory(f"vectors are numbers of shape (memories, dimension), not {given.shape}")
        if given is not None and isinstance(items, Sized) and len(items) != len(given):
            raise InvalidMemory(f"{len(items)} memories came with {len(given)} vectors: give one a memory")
        ids: builtins.list[str] = []
        for first, batch in batches(items, size, utc_now()):
            last = {memory.id: place for place, memory in enumerate(batch)}
            kept = list(last.values())
            if given is not None and first + len(batch) > len(given):
                raise InvalidMemory(f"there are {len(given)} vectors for more memories than that; {first} were stored")
            own = None if given is None else given[first : first + len(batch)][kept]
            entries = self._parts.preparer.entries([batch[place] for place in kept], self._before, own, embedder)
            self._parts.sink.put(self._path, entries)
            self._parts.wrote()
            ids.extend(memory.id for memory in batch)
            if progress is not None:
                progress(first + len(batch))
        if given is not None and len(ids) < len(given):
            raise InvalidMemory(f"there are {len(given)} vectors for {len(ids)} memories; the memories were stored")
        return ids

    def add_conversation(
        self,
        messages: Iterable[Any],
        *,
        session_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        importance: str | Importance = Importance.MEDIUM,
        progress: Callable[[int], None] | None = None,
    ) -> builtins.list[str]:
        """Store the messages of a conversation, each as a turn; returns the ids of the turns in order.

        A message is a dict (`role`, `name`, `content`, `timestamp`, `id`, all but the content optional) or a message of
        LangChain or LlamaIndex; what has no text, instructions and tools' answers are passed over. Messages of one
        `session_id` (a new one, if not given) go on where it stopped. A message whose id the scope holds replaces it.
        """
        if session_id is not None and (not isinstance(session_id, str) or not session_id):
            raise InvalidMemory(f"a session's id is a string with something in it, not {session_id!r}")
        session = new_id() if session_id is None else session_id
        common = {} if metadata is None else metadata
        turns = read_messages(messages, session, metadata=common, tags=tags, importance=importance)
        return self.add_many(turns, progress=progress)

    def session(self, session_id: str) -> builtins.list[Memory]:
        """The turns of a session in order of time; none if the scope holds no such session."""
        if not isinstance(session_id, str):
            raise InvalidQuery(f"a session's id is a string, not {session_id!r}")
        return list(self._parts.source.session(self._path, hash_name(session_id), utc_now()))

    def get(self, id: str) -> Memory | None:
        """The memory of that id; None if the scope holds none or it has expired."""
        return self._parts.source.get(self._path, id, utc_now()) if is_storable(id) else None

    def chunks(self, id: str) -> builtins.list[ChunkInfo]:
        """The chunks of a memory, in order, with what can be said of each; `MemoryNotFound` if there is no such id."""
        found = self._parts.source.version(self._path, id) if is_storable(id) else None
        if found is None or self.get(id) is None:
            raise MemoryNotFound(f"the scope holds no memory {id!r}: see the ids with scope.list()")
        _, memory, chunks = found
        spans = [(chunk.start, chunk.end) for chunk in chunks if chunk.end]  # a record has a chunk of nothing
        return self._parts.describe(memory.text, spans, memory.kind) if spans else []

    def chunk_of(self, hit: Hit) -> ChunkInfo:
        """The chunk that a hit stands for; `MemoryNotFound` if the memory was changed or deleted since the search."""
        for chunk in self.chunks(hit.id):
            if (chunk.start, chunk.text) == (hit.start, hit.text):
                return chunk
        raise MemoryNotFound(f"the memory {hit.id!r} was changed since the search that found it: search again")

    def list(
        self,
        *,
        where: Mapping[str, Any] | None = None,
        order: Order = "-created_at",
        limit: int = 100,
        offset: int = 0,
    ) -> builtins.list[Memory]:
        """A page of the scope's memories, of those that the filter `where` lets through if one is given.

        A leading minus of `order` means descending; equal times are ordered by id.
        """
        if order not in get_args(Order):
            raise InvalidQuery(f"the order is one of {', '.join(get_args(Order))}, not {order!r}")
        for number in (limit, offset):
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_OFFSET:
                raise InvalidQuery(f"limit and offset are whole numbers from 0 to {MAX_OFFSET:,}, not {number!r}")
        if where is not None and where != {}:
            return matching(self._parts, self._path, where, order)[offset : offset + limit]
        return list(self._parts.source.page(self._path, utc_now(), order, limit, offset))

    def count(self) -> int:
        """How many memories the scope holds."""
        return self._parts.source.count(self._path, utc_now())

    def update(
        self,
        id: str,
        *,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        importance: str | Importance | None = None,
        kind: str | None = None,
        created_at: datetime | None = None,
        expires_at: datetime | _Unset | None = UNSET,
    ) -> Memory:
        """Change what is given of a memory and keep the rest; returns it as it now is.

        Metadata and tags are replaced whole; `expires_at=None` keeps the memory for ever. Two processes that change
        different fields at once both have their way. `MemoryNotFound` if the scope holds no such id.
        """
        given = {
            "text": text,
            "metadata": metadata,
            "tags": tags,
            "importance": None if importance is None else to_importance(importance),
            "kind": kind,
            "created_at": created_at,
        }
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if not isinstance(expires_at, _Unset):
            changes["expires_at"] = expires_at

        def make(id: str, old: Memory | None) -> Memory:
            if old is None:
                raise MemoryNotFound(f"the scope holds no memory {id!r}: add it, or see the ids with scope.list()")
            return dataclasses.replace(old, **changes)

        return self.rewrite([id], make)[0]

    def rewrite(self, ids: Iterable[str], make: Make) -> builtins.list[Memory]:
        """Store what `make` makes of the memory of each id, all of it in one transaction; returns what was stored.

        `make` is given an id and the memory that there is, None for none; it gives a memory of that id, or None where
        all is to stay as it is. If somebody else changes one of them meanwhile, it is asked again about what there is
        then: what one writer read, another cannot have changed before it is written.
        """
        return rewrite(self._parts, self._path, ids, make, self._before)

    def delete(self, ids: str | Iterable[str]) -> int:
        """Delete the memories of these ids; returns how many of them there were."""
        if not isinstance(ids, Iterable):
            raise InvalidQuery(f"ids are a string or several, not {ids!r}")
        wanted = [one for one in dict.fromkeys([ids] if isinstance(ids, str) else ids) if is_storable(one)]
        deleted = self._parts.sink.delete(self._path, wanted) if wanted else 0
        if deleted:
            self._parts.wrote()
        return deleted

    def forget(
        self,
        ids: str | Iterable[str] | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        timeout: float = 300.0,
    ) -> Receipt:
        """Forget the memories of these ids, or those that a filter lets through, as `Garden.forget` forgets a scope.

        An id counts whether or not the scope still holds a memory of it: what it was before is forgotten too, and what
        was merged into it or told by it. A summary that tells of it is forgotten with it, and the other memories that
        it tells come back from their archive. A filter is asked about archives and about what has expired as well.
        """
        if (ids is None) == (where is None):
            raise InvalidQuery("forget takes ids or a filter, one of both; garden.forget(scope) forgets all of a scope")
        if where == {}:
            raise InvalidQuery("an empty filter lets everything through: garden.forget(scope) forgets it all")
        if where is None and not isinstance(ids, Iterable):
            raise InvalidQuery(f"ids are a string or several, not {ids!r}")
        from memgarden.maintain.reach import forget_some

        given = [ids] if isinstance(ids, str) else ids or ()
        wanted = [one for one in given if is_storable(one)]
        return forget_some(self._parts, self._path, wanted, where, timeout)

    def history(self, id: str) -> builtins.list[Past]:
        """What became of the memories that had this id, oldest first; none for an id that the scope never held.

        An event is `added`, `updated`, `merged`, `summarised`, `archived`, `restored`, `deleted` or `expired`; its
        `detail` names the archive, or the memory into which it went. What is `similar` to another, by maintenance that
        was to mark that, stayed as it was: `detail["to"]` is the other's id. What was forgotten has no history.
        """
        return list(self._parts.upkeep.history(self._path, id)) if is_storable(id) else []

    def duplicates(self, options: Deduplication | None = None) -> Duplicates:
        """Which memories are one: `.plan()` says what a merge would do, `.at(threshold)` the same at another cosine."""
        from memgarden.maintain.planning import duplicates_of

        return duplicates_of(self._parts, self._path, options, utc_now())

    def originals(self, id: str) -> builtins.list[Memory]:
        """The memories that a summary tells, oldest first, from its archive; `MemoryNotFound` for no such summary."""
        if not is_storable(id):
            raise MemoryNotFound(f"the scope holds no summary {id!r}")
        from memgarden.maintain.archives import originals

        return originals(self._parts, self._path, id)

    def search_archives(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        min_relevance: float | None = None,
    ) -> builtins.list[Hit]:
        """The `k` best memories of the scope's archives, as `search` finds them in the scope.

        The archives are read whole for each call, and held in memory for it. `garden.restore` brings back what is
        wanted.
        """
        from memgarden.maintain.searching import search_archives

        how = How(k, mode, where=where, since=since, until=until, min_relevance=min_relevance, reranker=())
        return search_archives(self._parts, self._path, query, how)

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        alpha: float | None = None,
        fusion: str | None = None,
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        min_score: float | None = None,
        min_relevance: float | None = None,
        aliases: Mapping[str, str] | None = None,
        context: int = 0,
        group_by: GroupBy = "memory",
        reranker: Reranking | None = None,
        rerank_depth: int = DEPTH,
        expander: Expanding = (),
        phrases: bool = True,
        times: bool = True,
        now: datetime | None = None,
        vector: npt.ArrayLike | None = None,
        embedder: str | None = None,
    ) -> builtins.list[Hit]:
        """The `k` best memories for a query, best first; equal input, `now` included, gives equal output.

        `alpha` is the weight of the dense leg; `fusion` one of `zscore`, `rrf`, `rank-linear`, `max`, `tmm`,
        `weighted`; `where` a filter (see `memgarden.index.filter`); `since` and `until` bound `created_at` as
        `[since, until)`. `vector` `(d,)` is taken instead of embedding the query, if `embedder` names the garden's.

        `reranker` orders the best `rerank_depth` hits (or `k`, where that is more) anew: `memory`, `maxsim`,
        `cross-encoder:MODEL`, `mmr`, a callable that takes a `Shortlist`, or several, one after another; `()` for none,
        None for the garden's own. `RerankerFailed` says what a reranker of yours did wrong.

        `expander` puts the question in other words, which are asked too, with half of the weight: `templates`, `prf`
        (words of the best hits), a callable that takes the query and gives several texts, or several of these.
        `ExpanderFailed` says what one of yours did wrong.

        What the query holds in double quotes, the text of every hit holds; `phrases=False` makes them plain words. What
        was said at the time that an English query names ("last month", "in May 2023") is preferred where both legs are
        asked, unless `times=False`; `now` is what that counts from, and the ages that rerankers see.

        A fused score orders one query's hits and says nothing across queries. `hit.relevance` does, from 0 to 1; it
        was fitted to judged questions (see `memgarden.retrieve.relevance`). Hits below `min_relevance`, or below
        `min_score` in a mode's own scores (cosine, BM25), are left out before any reranking: where nothing is relevant,
        nothing is found.

        In a conversation the names of its speakers are known: `aliases` adds to them, as in `{"Mel": "Melanie"}`.
        `context=2` gives each hit the two turns `before` and the two `after` it, whatever the filter. With
        `group_by="session"` sessions are ranked, each by its three best turns, and its best turn is the hit.
        """
        vectors = None if vector is None else np.asarray(vector)[np.newaxis]
        how = How(
            k=k,
            mode=mode,
            alpha=alpha,
            fusion=fusion,
            where=where,
            since=since,
            until=until,
            min_score=min_score,
            min_relevance=min_relevance,
            aliases=aliases,
            context=context,
            group_by=group_by,
            reranker=reranker,
            rerank_depth=rerank_depth,
            expander=expander,
            phrases=phrases,
            times=times,
            now=now,
        )
        return self._answer([[query]], how, vectors, embedder)[0]

    def search_many(
        self,
        queries: Sequence[str],
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        alpha: float | None = None,
        fusion: str | None = None,
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        min_score: float | None = None,
        min_relevance: float | None = None,
        aliases: Mapping[str, str] | None = None,
        context: int = 0,
        group_by: GroupBy = "memory",
        reranker: Reranking | None = None,
        rerank_depth: int = DEPTH,
        expander: Expanding = (),
        phrases: bool = True,
        times: bool = True,
        now: datetime | None = None,
        vectors: npt.ArrayLike | None = None,
        embedder: str | None = None,
    ) -> builtins.list[builtins.list[Hit]]:
        """The answers of `search` to several queries, embedded together; all see one state of the scope."""
        if isinstance(queries, str):
            raise InvalidQuery("search_many takes several queries: search_many([query]), or search(query) for one")
        how = How(
            k=k,
            mode=mode,
            alpha=alpha,
            fusion=fusion,
            where=where,
            since=since,
            until=until,
            min_score=min_score,
            min_relevance=min_relevance,
            aliases=aliases,
            context=context,
            group_by=group_by,
            reranker=reranker,
            rerank_depth=rerank_depth,
            expander=expander,
            phrases=phrases,
            times=times,
            now=now,
        )
        return self._answer([[query] for query in queries], how, vectors, embedder)

    def recall(
        self,
        question: str,
        *,
        k: int = 6,
        max_tokens: int = 1000,
        min_relevance: float | None = None,
        known: Collection[str] = (),
    ) -> str:
        """What a prompt is told: a line for each of the `k` best memories for a message, oldest first.

        The lines take at most `max_tokens` of the embedder's tokens, the best having the first claim on them; each is
        `- [date] Speaker: text`. Memories whose id or text is in `known` are in the prompt already and are left out.
        Empty for an empty message, and where nothing is found. Quotes in a message are quotes, and no conditions.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
            raise InvalidQuery(f"k is a whole number from 1 to {MAX_K:,}, not {k!r}")
        if not question.strip():
            return ""
        widened = min(k + len(known), MAX_K)
        hits = self.search(question, k=widened, min_relevance=min_relevance, phrases=False)
        return told(hits, k, max_tokens, known, self._parts.preparer.embedder.window()[1])

    def multi_query(
        self,
        queries: Sequence[str],
        *,
        k: int = 10,
        mode: Mode = "hybrid",
        alpha: float | None = None,
        fusion: str | None = None,
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        min_score: float | None = None,
        min_relevance: float | None = None,
        aliases: Mapping[str, str] | None = None,
        context: int = 0,
        group_by: GroupBy = "memory",
        reranker: Reranking | None = None,
        rerank_depth: int = DEPTH,
        phrases: bool = True,
        times: bool = True,
        now: datetime | None = None,
        vectors: npt.ArrayLike | None = None,
        embedder: str | None = None,
    ) -> builtins.list[Hit]:
        """The one answer to several phrasings of a question: the legs of all of them are fused, each counts alike.

        The other arguments are those of `search`; what any of the queries quotes every hit holds, a time that any of
        them names is preferred, and rerankers are given the first. `InvalidQuery` for none or more than 32.
        """
        if isinstance(queries, str):
            raise InvalidQuery("multi_query takes several phrasings: multi_query([query]), or search(query) for one")
        phrasings = list(queries)
        if not 1 <= len(phrasings) <= MOST:
            raise InvalidQuery(f"multi_query takes 1 to {MOST} phrasings of a question, not {len(phrasings)}")
        how = How(
            k=k,
            mode=mode,
            alpha=alpha,
            fusion=fusion,
            where=where,
            since=since,
            until=until,
            min_score=min_score,
            min_relevance=min_relevance,
            aliases=aliases,
            context=context,
            group_by=group_by,
            reranker=reranker,
            rerank_depth=rerank_depth,
            expander=(),
            phrases=phrases,
            times=times,
            now=now,
        )
        return self._answer([phrasings], how, vectors, embedder)[0]

    def _answer(
        self, asked: Sequence[Sequence[str]], how: How, vectors: npt.ArrayLike | None, embedder: str | None
    ) -> builtins.list[builtins.list[Hit]]:
        answers = answer(self._parts, self._path, asked, how, vectors, embedder)
        for hits in answers:
            self._parts.retrieved.note(self._path, hits)
        return answers

    def _before(self, session: int, memory: Memory) -> Memory | None:
        return self._parts.source.before(self._path, session, memory)
