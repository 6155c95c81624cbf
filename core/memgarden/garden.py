"""A garden: the memories of many users, in one place, behind one door."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from memgarden.asking import rerank_texts
from memgarden.config import AUTO, Settings
from memgarden.errors import ChromaError
from memgarden.forgetting import Receipt, forget, unforgotten
from memgarden.ingest.adopt import Adoption, adopt
from memgarden.maintain.compact import Compaction, compact
from memgarden.maintain.moving import Imported, export, import_lines
from memgarden.observe.health import Health, diagnose
from memgarden.parts import Parts
from memgarden.paths import check_path
from memgarden.protocols import Chunker, Embedder, Mirror, Reranking
from memgarden.records import Memory, ScopePath, utc_now
from memgarden.scope import Scope
from memgarden.turns import Signals

__all__ = ["Garden"]

POLL_SECONDS = 0.02
SWEPT_AT_ONCE = 500  # memories a transaction, so that no writer waits long
BATCH_SECONDS = 10.0
CHECK_SECONDS = 60.0


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

    def sweep(self) -> int:
        """Delete what has expired, in every scope, in small transactions; returns how many memories there were.

        What has expired is found by nothing and given out by nobody before that: this frees its place. A memory whose
        `expires_at` is moved meanwhile stays.
        """
        parts, now, swept = self._parts.opened(), utc_now(), 0
        for path in parts.catalogue.expired(now):
            while gone := parts.sink.sweep(path, now, SWEPT_AT_ONCE):
                swept += gone
                parts.wrote()
        return swept

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
        embeddings: int = 50_000,
        apply: bool = False,
    ) -> Compaction:
        """Drop what is not needed and give its room back; without `apply` say what that would save.

        That is: history that is older than `older_than` or beyond a memory's newest `events`, when deleted memories
        were last found, marks of deletions that every index has seen, cached embeddings beyond the `embeddings` last
        used, files of exports that were cut off, free pages, the log; and Chroma collections of which a third was
        deleted are built anew. It goes in steps of milliseconds, while others read and write; for a scheduler.

        `full` writes the database anew, as `forget` does: writers wait, and `GardenBusy` says if others are in the way.
        """
        parts = self._parts.opened()
        return compact(parts, full=full, older_than=older_than, events=events, embeddings=embeddings, apply=apply)

    def backup(self, folder: str | os.PathLike[str]) -> None:
        """Copy the garden as it is now into a folder without one, while everybody goes on reading and writing it.

        The copy is a garden: open it there, or copy the folder to where one is to be. Chroma is not copied; the garden
        gives it everything when it is first opened with one. `StorageError` if the folder has a garden or cannot be
        written; `InvalidSetting` for a garden in PostgreSQL, which `pg_dump` backs up.
        """
        self._parts.opened().backup(Path(folder))

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
        return export(self._parts.opened(), target, check_path(prefix) if prefix else (), vectors, progress)

    def import_(
        self,
        source: str | os.PathLike[str],
        *,
        scope: str | Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Imported:
        """Store the memories of an export, each in the scope that it came from, or all of them in `scope`.

        Those that are there already are replaced by their equals: an import that was cut off may be run again. Vectors
        are taken if they are of this garden's embedder. Lines that cannot be stored are named in the result.
        """
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
        collection itself is left as it is. Its vectors are kept
        if they have the embedder's dimension and a sample agrees with it; otherwise the documents are embedded anew,
        and `note` says so. `progress` is told how many are stored. `ChromaError` if there is no such collection.
        """
        from memgarden.build import read_collection

        target = self.scope(*([scope] if isinstance(scope, str) else scope))
        with read_collection(chroma, collection) as pages:
            return adopt(pages, target.add_many, self.embedder, progress)

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
