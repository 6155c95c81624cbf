"""A garden: the memories of many users, in one place, behind one door."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from memgarden.asking import rerank_texts
from memgarden.config import ARCHIVES, AUTO, Settings
from memgarden.errors import ChromaError, InvalidSetting
from memgarden.forgetting import Receipt, forget, unforgotten
from memgarden.ingest.batches import TURNS_PER_BATCH
from memgarden.observe.health import Health, diagnose
from memgarden.parts import Parts
from memgarden.paths import check_path
from memgarden.protocols import Chunker, Embedder, Mirror, Reranking
from memgarden.records import Memory, ScopePath, utc_now
from memgarden.scope import Scope
from memgarden.turns import Signals

# Maintenance, moving and ingestion are imported by the methods that begin them: most processes only add and search, and
# all of it together would take half as long again to import.
if TYPE_CHECKING:
    from memgarden.ingest.adopt import Adoption
    from memgarden.ingest.conversations import Item
    from memgarden.ingest.reports import Ingested, IngestProgress
    from memgarden.maintain.applying import Applied
    from memgarden.maintain.archive import Archive
    from memgarden.maintain.archives import Restored
    from memgarden.maintain.compact import Compaction
    from memgarden.maintain.giving import Given
    from memgarden.maintain.moving import Imported
    from memgarden.maintain.narrowing import Narrowing
    from memgarden.maintain.plan import Plan
    from memgarden.maintain.planning import Wanted
    from memgarden.maintain.policy import Policy
    from memgarden.maintain.summaries import Summarizer

__all__ = ["Garden"]

POLL_SECONDS = 0.02
BATCH_SECONDS = 10.0
CHECK_SECONDS = 60.0
BACKUP_PATIENCE = 60.0  # seconds that a backup waits for maintenance: what is on its way might be in neither place


class Garden:
    """Opens with `Garden.open`, closes with `close` or at the end of a `with`. Safe for threads and processes."""

    def __init__(self, parts: Parts) -> None:
        """Use `Garden.open`."""
        self._parts = parts

    @classmethod
    def open(
        cls,
        where: str | os.PathLike[str] = "./garden",
        *,
        embedder: str | Embedder | None = None,
        language: str | None = None,
        chroma: Any = AUTO,
        fusion: str = "zscore",
        alpha: float = 0.5,
        signals: Signals | None = None,
        reranker: Reranking = (),
        rerank_bytes: int = 256 * 2**20,
        index_bytes: int = 512 * 2**20,
        cached_embeddings: int = 50_000,
        lock_timeout: float = 10.0,
        chunker: str | Chunker = AUTO,
        chunk_size: int | None = None,
        chunk_overlap: int | None = None,
        headings: bool = True,
        threads: int | None = None,
        exact_limit: int = 50_000,
        archives: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Open the garden in a folder, or at a database URL, and make it if there is none.

        The settings are those of `memgarden.config.Settings`. `EmbedderMismatch` if the garden was made with another
        embedder, `SchemaTooNew` if a later memgarden wrote it, `StorageError` if the place cannot be written.
        """
        from memgarden.build import build  # the one that knows every part, which is why this module does not

        settings = Settings(
            embedder=embedder,
            language=language,
            chroma=chroma,
            fusion=fusion,
            alpha=alpha,
            signals=Signals() if signals is None else signals,
            reranker=reranker,
            rerank_bytes=rerank_bytes,
            index_bytes=index_bytes,
            cached_embeddings=cached_embeddings,
            lock_timeout=lock_timeout,
            chunker=chunker,
            chunk_size=chunk_size,
            chunk_overlap=chunk_overlap,
            headings=headings,
            threads=threads,
            exact_limit=exact_limit,
            archives=archives,
        )
        return cls(build(os.fspath(where), settings))

    def __repr__(self) -> str:
        return f"Garden({self._parts.where!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def where(self) -> str:
        """The folder, as an absolute path, or the URL; with it `shared_garden` finds the garden again."""
        return self._parts.where

    @property
    def embedder(self) -> Embedder:
        """The garden's embedder, for those who bring vectors: they must come from one of its `name`."""
        return self._parts.opened().preparer.embedder

    def scope(self, *labels: str) -> Scope:
        """The scope of these labels: one user, or any path such as `("acme", "alice", "project-x")`.

        Labels are taken to the letter: case, accents and slashes count. `InvalidScope` for none, and for empty ones.
        """
        return Scope(self._parts.opened(), check_path(labels))

    def scopes(self, *prefix: str) -> dict[ScopePath, int]:
        """The scopes at and below `prefix` that hold memories, with how many: for whoever runs the garden."""
        return self._parts.opened().catalogue.scopes(check_path(prefix) if prefix else (), utc_now())

    def ingest(
        self,
        conversations: Iterable[Item],
        *,
        progress: Callable[[IngestProgress], object] | None = None,
        retries: int = 3,
        batch_size: int = TURNS_PER_BATCH,
    ) -> Ingested:
        """Store conversations of any scopes, each a `Conversation` or a mapping of its fields, in bounded memory.

        A turn that the garden holds already is passed over: a run that was cut off, by a kill too, is run again, and a
        conversation that has grown gets its new turns. For that it comes whole, from its first message, with its
        `session_id`; where the messages have ids, those count, and else place and content. `batch_size` turns are
        embedded together, and stored in a transaction a scope while the next are embedded.

        `progress` is told after each batch what is stored. A busy garden and errors of the embedder are tried again
        `retries` times; the conversations that cannot be stored are named in the result, and the rest goes on. Errors
        of the whole garden, as `StorageError`, and of `conversations` or `progress` are raised; what is stored stays.
        """
        return self._ingest(conversations, progress, None, retries, batch_size)

    async def aingest(
        self,
        conversations: AsyncIterable[Item] | Iterable[Item],
        *,
        progress: Callable[[IngestProgress], object] | None = None,
        retries: int = 3,
        batch_size: int = TURNS_PER_BATCH,
    ) -> Ingested:
        """As `ingest`, in a thread beside the event loop, on which `progress` is called and async iterables are read.

        Iterables that are not async are read in the thread, so they may block. A cancellation is raised once the
        batches at hand are through; what was stored by then stays.
        """
        from memgarden.ingest.streaming import ingest_async  # and asyncio, which nothing else here needs

        def run(
            items: Iterable[Item], told: Callable[[IngestProgress], object] | None, stop: threading.Event
        ) -> Ingested:
            return self._ingest(items, told, stop, retries, batch_size)

        return await ingest_async(run, conversations, progress)

    def _ingest(
        self,
        items: Iterable[Item],
        progress: Callable[[IngestProgress], object] | None,
        stop: threading.Event | None,
        retries: int,
        batch_size: int,
    ) -> Ingested:
        from memgarden.ingest.pipeline import Pipeline

        parts = self._parts.opened()
        pipeline = Pipeline(
            parts.source,
            parts.sink,
            parts.preparer,
            parts.wrote,
            away=parts.upkeep.archived,
            progress=progress,
            retries=retries,
            batch_size=batch_size,
            stop=stop,
        )
        return pipeline.run(items)

    def sweep(self, *, apply: bool = True) -> int:
        """Delete what has expired, in every scope, in small transactions; returns how many memories there were.

        What has expired is found by nothing and given out by nobody before that: this frees its place. A memory whose
        `expires_at` is moved meanwhile stays. With `apply=False` it only counts, and changes nothing.
        """
        from memgarden.maintain.running import on_duty, sweep

        parts = self._parts.opened()
        if not apply:
            return sweep(parts, apply=False)
        with on_duty(parts):
            return sweep(parts)

    def plan(self, wanted: Wanted, *prefix: str) -> Plan:
        """What a policy would do in the scopes at and below `prefix` (all, without one), and why; changes nothing.

        `wanted` is a `Policy`, or one of its parts: `Deduplication`, `Summarisation`, `Retention`. A memory is in one
        step at most. `MissingExtra` for a summary without scikit-learn.
        """
        from memgarden.maintain.plan import Plan
        from memgarden.maintain.planning import as_policy, plan_scope

        parts, now = self._parts.opened(), utc_now()
        parts.retrieved.flush()
        policy = as_policy(wanted)
        paths = parts.catalogue.scopes(check_path(prefix) if prefix else (), now)
        return Plan(tuple(step for path in paths for step in plan_scope(parts, path, policy, now)))

    def apply(
        self,
        plan: Plan,
        *,
        summarizer: Summarizer | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Applied:
        """Carry out a plan, or what you kept of it: `Plan(tuple(step for step in plan if ...))`.

        What goes is in an archive, safe on disk, before it leaves the garden; `restore` brings it back. A memory that
        was changed since the plan was made stays. `summarizer` makes a text of several memories (without one, their
        central sentences); where it fails they stay. `progress` is told how many memories were handled. `GardenBusy`
        if another process maintains the garden now. Run again after it was cut off, nothing is lost or doubled.
        """
        from memgarden.maintain.running import carry_out, on_duty

        parts = self._parts.opened()
        with on_duty(parts) as damaged:
            done = carry_out(parts, plan, summarizer, progress)
        done.failed |= damaged
        return done

    def maintain(
        self,
        policy: Policy | None = None,
        *prefix: str,
        summarizer: Summarizer | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Applied:
        """Do all that a policy asks for, now, in the scopes at and below `prefix`: for a scheduler, unattended.

        Sweeps what has expired, finishes what was cut off, then plans and applies, scope by scope, in transactions of
        milliseconds while others read and write. Without a policy duplicates are merged and what is older than 90
        days is archived. `GardenBusy` if another process is at it.
        """
        from memgarden.maintain.planning import as_policy
        from memgarden.maintain.policy import Policy
        from memgarden.maintain.running import maintain

        parts = self._parts.opened()
        at = check_path(prefix) if prefix else ()
        return maintain(parts, at, as_policy(Policy() if policy is None else policy), summarizer, progress)

    def archives(self, *prefix: str) -> list[Archive]:
        """The archives of the scopes at and below `prefix` (all, without one), oldest first."""
        from memgarden.maintain.applying import archives_of
        from memgarden.maintain.archive import list_archives

        at = check_path(prefix) if prefix else ()
        found = list_archives(archives_of(self._parts.opened()))
        return [archive for archive in found if archive.scope[: len(at)] == at]

    def restore(self, archive: str | Archive, ids: Iterable[str] | None = None) -> Restored:
        """Bring back what an archive holds, or the memories of these ids, to the scope that they came from.

        They are as they were, vectors included, and in the archive no more. Where all that a summary told is back, the
        summary goes. `StorageError` for no such archive.
        """
        from memgarden.maintain.archive import Archive
        from memgarden.maintain.archives import restore
        from memgarden.maintain.running import on_duty

        parts = self._parts.opened()
        name = archive.name if isinstance(archive, Archive) else archive
        with on_duty(parts):
            return restore(parts, name, None if ids is None else list(ids))

    def forget(self, scope: str | Sequence[str] | Scope, *, timeout: float = 300.0) -> Receipt:
        """Forget a scope and all scopes below it: no file of the garden holds a word of them afterwards.

        Whatever was done to them before: also versions that were replaced or deleted earlier, history, archives, what
        Chroma keeps in its queue and indexes. Chroma is erased and filled anew in the background, which searches do
        not wait for, and the cache of embeddings is emptied whole, since it does not say of which text each is.

        The database is written anew, for which it needs as much room again, and during which writers wait. Others that
        stand in the way for `lock_timeout` make it a `GardenBusy`, as a Chroma that is not erased after `timeout`
        seconds makes the receipt say `waiting`: the next call of any `forget` finishes it, as it does one that was cut
        off. Backups, exports and what processes have in memory are beyond it.
        """
        path = scope.path if isinstance(scope, Scope) else check_path((scope,) if isinstance(scope, str) else (*scope,))
        return forget(self._parts.opened(), path, timeout=timeout)

    def compact(
        self,
        *,
        full: bool = False,
        older_than: timedelta = timedelta(days=730),
        events: int = 100,
        embeddings: int | None = None,
        apply: bool = False,
    ) -> Compaction:
        """Drop what is not needed and give its room back; without `apply` say what that would save.

        That is: history that is older than `older_than` or beyond a memory's newest `events` (what tells which living
        ones are similar stays), when deleted memories were last found, marks of deletions that every index has seen,
        cached embeddings beyond the `embeddings` last used (unless given, the garden's `cached_embeddings`), files of
        exports that were cut off, free pages, the log. Chroma collections of which a third was deleted are built anew
        beside the old ones and swapped, in the background: searches go on, and `flush()` waits for it. That makes their
        graphs smaller, and needs room for both meanwhile; what it frees in Chroma's own database is used again.

        It goes in steps of milliseconds, while others read and write; for a scheduler. The report says what the
        database, Chroma's folder and the archives take, each before and after.

        `full` writes the database anew, as `forget` does: writers wait, and `GardenBusy` says if others are in the way.
        """
        from memgarden.maintain.compact import compact

        parts = self._parts.opened()
        return compact(parts, full=full, older_than=older_than, events=events, embeddings=embeddings, apply=apply)

    def narrow(
        self,
        form: Literal["float16", "int8"],
        *prefix: str,
        older_than: timedelta = timedelta(days=180),
        apply: bool = False,
    ) -> Narrowing:
        """Keep the vectors of what was said longer ago than that in half the bytes, or a quarter, on disk.

        Without `apply` it measures on the garden's own vectors what would be lost and saved. There is no way back but
        to embed anew. In memory vectors are float32 as before, and Chroma keeps those that it has.
        """
        from memgarden.maintain.narrowing import narrow

        if form not in ("float16", "int8"):
            raise InvalidSetting(f"the form is float16 or int8, not {form!r}")
        at = check_path(prefix) if prefix else ()
        return narrow(self._parts.opened(), at, form, utc_now() - older_than, apply=apply)

    def backup(self, folder: str | os.PathLike[str]) -> None:
        """Copy the garden as it is now into a folder without one, while everybody goes on reading and writing it.

        The copy is a garden: open it there, or back it up to where one is to be. Its archives are copied too; Chroma is
        not, the garden gives it everything when it is first opened with one. `StorageError` if the folder has a garden
        or cannot be written; `InvalidSetting` for a garden in PostgreSQL, which `pg_dump` backs up; `GardenBusy` if
        another process maintains the garden for a minute: what is on its way to an archive would be in neither.
        """
        from memgarden.maintain.archive import copy_archives

        parts, place = self._parts.opened(), Path(folder)
        if parts.archives is None:
            parts.backup(place)
            return
        with parts.shift.during(BACKUP_PATIENCE):
            parts.backup(place)
            copy_archives(parts.archives, place / ARCHIVES)

    def export(
        self,
        target: str | os.PathLike[str],
        *prefix: str,
        vectors: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write the memories of the scopes at and below `prefix` (all, without one) to a file; returns how many.

        The file has a memory a line, as `memgarden.maintain.lines` says, and is zipped if its name ends with `.gz`. It
        is there whole or not at all. Without `vectors` it is smaller, and an import embeds anew.
        """
        from memgarden.maintain.moving import export

        return export(self._parts.opened(), target, check_path(prefix) if prefix else (), vectors, progress)

    def import_(
        self,
        source: str | os.PathLike[str],
        *,
        scope: str | Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Imported:
        """Store the memories of an export, each in the scope that it came from, or all of them in `scope`.

        Those that are there already are replaced by their equals: an import that was cut off may be run again. What was
        archived since the export comes back too, and the archive keeps it all the same. Vectors are taken if they are
        of this garden's embedder. Lines that cannot be stored are named in the result.
        """
        from memgarden.maintain.moving import import_lines

        parts = self._parts.opened()
        labels = None if scope is None else check_path((scope,) if isinstance(scope, str) else tuple(scope))

        def before(path: ScopePath) -> Callable[[int, Memory], Memory | None]:
            return lambda session, memory: parts.source.before(path, session, memory)

        return import_lines(parts, source, labels, before, progress)

    def rerank(
        self,
        query: str,
        texts: Sequence[str | Memory],
        *,
        reranker: Reranking | None = None,
        now: datetime | None = None,
    ) -> list[tuple[int, float]]:
        """Texts from anywhere, put in the order of `reranker`: pairs of place and score, best first.

        `texts` come best first, as from another search; `reranker` is as in `Scope.search`, None for the garden's own.
        `mmr` and `maxsim` have them embedded. Nothing is stored.
        """
        return rerank_texts(self._parts.opened(), query, texts, reranker, now)

    def flush(self, timeout: float = 300.0) -> None:
        """Wait until Chroma holds everything that was written before this call.

        `ChromaError` after `timeout` seconds, or at once if Chroma fails; nothing is lost, the outbox keeps it.
        """
        parts = self._parts.opened()
        if parts.mirror is None:
            return
        mark = parts.outbox.mark()
        end = time.monotonic() + timeout
        before = parts.mirror.status()
        if parts.outbox.count(mark):
            parts.mirror.wake()
        while left := parts.outbox.count(mark):
            status = parts.mirror.status()
            # A failure from before the call may be mended by now: what is tried since then counts.
            if status.state == "failing" and status is not before:
                raise ChromaError(f"Chroma fails ({status.error}); {left} changes wait: run `memgarden reindex`")
            if time.monotonic() > end:
                doing = f"{status.state}: {status.error}" if status.error else status.state
                raise ChromaError(f"{left} changes still wait for Chroma after {timeout:g} s ({doing}): try again")
            time.sleep(POLL_SECONDS)

    def reindex(self) -> None:
        """Have Chroma built anew from the record, in the background: an empty collection, then every chunk.

        `flush()` waits for it. Searches go on meanwhile. In a process that opened the garden without Chroma this is
        noted, and the next one that has it open with Chroma does it.
        """
        parts = self._parts.opened()
        parts.outbox.refill()
        parts.wrote()

    def adopt_chroma(
        self,
        chroma: Any,
        collection: str | None = None,
        *,
        scope: str | Sequence[str],
        progress: Callable[[int], None] | None = None,
    ) -> Adoption:
        """Take an existing Chroma collection into a scope: documents, ids, metadata, and vectors if they are ours.

        `chroma` is a folder, an `http://` URL or a client, or, where no name is given, a `chromadb.Collection`; the
        collection itself is left as it is. What LangChain, LlamaIndex, `give_chroma` and other gardens wrote is known
        by its layout: nodes stay nodes, and the chunks of a memory are one memory.

        Vectors are kept if they have the embedder's dimension and a sample agrees with it; otherwise the documents are
        embedded anew, and `note` says so. `progress` is told how many are stored. Run again, it goes on where it was
        cut off, and passes over what was archived since. `ChromaError` if there is no such collection, or if another
        process has the folder open.
        """
        from memgarden.build import read_collection
        from memgarden.ingest.adopt import adopt
        from memgarden.ingest.layouts import Layouts
        from memgarden.ingest.pieces import origin

        path = self.scope(*([scope] if isinstance(scope, str) else scope)).path
        embedder, away = self.embedder, self._parts.upkeep.archived
        with read_collection(chroma, collection) as pages:
            origins = {found for each in pages.metadatas() if (found := origin(each)) is not None}
            reading = Layouts(path, origins)
            return adopt(pages, reading, lambda path: self.scope(*path), embedder, away, progress)

    def give_chroma(
        self,
        chroma: Any,
        collection: str,
        *,
        scope: str | Sequence[str],
        layout: str = "langchain",
        progress: Callable[[int], None] | None = None,
    ) -> Given:
        """Write a scope's memories into a Chroma collection, a record a chunk, with their vectors, metadata and times.

        `layout` is `langchain`, which any Chroma client reads, or `llama-index`, for its ChromaVectorStore. `chroma` is
        a folder, an `http://` URL or a client; the collection is made if it is not there. Run again, it brings the
        collection to what the scope holds by then. Records that came from elsewhere stay, and a memory whose id one of
        them has is refused. `InvalidSetting` for a collection of a garden's own.
        """
        from memgarden.build import write_collection
        from memgarden.maintain.giving import give

        path, parts = self.scope(*([scope] if isinstance(scope, str) else scope)).path, self._parts.opened()
        with write_collection(parts, path, chroma, collection, layout) as writer:
            return give(parts, path, writer, progress)

    def adopt_mem0(
        self,
        place: Any,
        collection: str = "mem0",
        *,
        scope: str | Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Adoption:
        """Take the memories of a mem0 store, each into the scope of its `user_id`, below `scope` if one is given.

        `place` is the folder of its vector store, Chroma's or Qdrant's (the latter needs the extra `mem0`, and its
        files are pickles: open only those that you trust), or the URL or a client of a Chroma. Ids and times stay, and
        so do vectors that are of this garden's embedder. `agent_id`, `run_id` and all else stays in the metadata.

        What has no `user_id` goes to `scope` itself, and is refused without one, as is what has expired. Run again, it
        goes on where it was cut off, and passes over what was archived since. `StorageError` or `ChromaError` if the
        store cannot be read or is in use.
        """
        from memgarden.build import read_mem0
        from memgarden.ingest.adopt import adopt
        from memgarden.ingest.mem0 import Mem0Records

        prefix = () if scope is None else check_path((scope,) if isinstance(scope, str) else tuple(scope))
        embedder, away = self.embedder, self._parts.upkeep.archived
        with read_mem0(place, collection) as pages:
            return adopt(pages, Mem0Records(prefix), lambda path: self.scope(*path), embedder, away, progress)

    def health(self, *, deep: bool = False) -> Health:
        """What the garden holds, what waits, and what is wrong.

        `deep` has the database check itself (seconds a GB) and Chroma compared with the record now; otherwise what the
        last comparison found counts, which is made in the background when Chroma is first needed or asked after here.
        """
        parts = self._parts.opened()
        if parts.mirror is not None:
            self._compare(parts.mirror, wait=deep)
        rows = parts.catalogue.size()
        status = parts.mirror.status() if parts.mirror else None
        damage = parts.catalogue.check() if deep else []
        indexes, index_bytes = parts.pool.stats()
        large = {path: parts.searched(scope) for scope, path in parts.catalogue.large().items()}
        refusals = {path: refusal for path, (_, refusal) in large.items() if refusal is not None}
        return Health(
            where=parts.where,
            embedder=parts.preparer.embedder.name,
            dimension=parts.preparer.embedder.dimension,
            language=parts.facts["language"],
            rows=rows,
            bytes=parts.catalogue.nbytes(),
            outbox=rows["outbox"],
            chroma="none" if status is None else status.state,
            indexes=indexes,
            index_bytes=index_bytes,
            large={path: how for path, (how, _) in large.items()},
            problems=diagnose(rows["outbox"], status, damage, parts.audit.finding(), refusals) + unforgotten(parts),
        )

    def _compare(self, mirror: Mirror, *, wait: bool) -> None:
        known = mirror.status().checks
        if wait or not known:
            mirror.check()
        end = time.monotonic() + CHECK_SECONDS
        while wait and mirror.status().checks == known and time.monotonic() < end:
            if mirror.status().state in ("failing", "waiting"):
                return
            time.sleep(POLL_SECONDS)

    def close(self, timeout: float = 30.0) -> None:
        """Wait for Chroma as `flush` does, at most `timeout` seconds, and let go of everything.

        What Chroma did not get stays in the outbox for the next process; a failing Chroma is no error here.
        """
        if self._parts.closed:
            return
        try:
            self.flush(timeout)
        except ChromaError:
            pass  # health() of the next opening says so
        finally:
            self._parts.closed = True
            if self._parts.mirror is not None:
                # A batch takes a second or less, and one that is cut off can damage an embedded Chroma.
                self._parts.mirror.close(max(timeout, BATCH_SECONDS))
            self._parts.release()
