"""Puts a garden together: with `config`, the only module that knows concrete names."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from memgarden.cache.arrays import BoundedArrays
from memgarden.cache.embeddings import CachedEmbedder
from memgarden.chunk import CHUNKERS
from memgarden.chunk.cutter import Cutter
from memgarden.chunk.describe import describe
from memgarden.config import ARCHIVES, AUTO, Settings
from memgarden.embed import EMBEDDERS
from memgarden.erasure import Copies, Task
from memgarden.errors import ChromaError, EmbedderMismatch, GardenBusy, InvalidSetting, StorageError, UnknownStrategy
from memgarden.expand.choice import choose
from memgarden.index.pool import IndexPool
from memgarden.ingest.prepare import Preparer
from memgarden.lexical import LEGS
from memgarden.lexical.languages import languages_of
from memgarden.observe.retrieved import Retrieved
from memgarden.parts import Parts
from memgarden.protocols import Chunker, Embedder, Expected, Fusion, Mirror, Nearest, RerankerTools
from memgarden.records import Floats, Ints, ScopePath, utc_now
from memgarden.registry import resolve
from memgarden.rerank.choice import Rerankers, check_names
from memgarden.retrieve.fusion import FUSIONS
from memgarden.store.audit import SqlAudit
from memgarden.store.backup import copy_record
from memgarden.store.catalogue import SqlCatalogue
from memgarden.store.compact import SqlCompactor
from memgarden.store.embeddings import EmbeddingTable
from memgarden.store.engine import Database
from memgarden.store.facts import note_archives, noted_archives, read_facts, settle_facts
from memgarden.store.forget import SqlEraser
from memgarden.store.lease import SqlLease
from memgarden.store.migrations import migrate
from memgarden.store.narrow import SqlNarrower
from memgarden.store.outbox import SqlOutbox
from memgarden.store.read import Reader
from memgarden.store.shift import SqlShift
from memgarden.store.upkeep import SqlUpkeep
from memgarden.store.write import Writer
from memgarden.vector.adopt import CollectionReader, read_collection
from memgarden.vector.client import REQUEST_TIMEOUT, folder_of
from memgarden.vector.collection import ChromaIndex
from memgarden.vector.drainer import Drainer, Lock
from memgarden.vector.erase import erase_folder, holds_anything
from memgarden.vector.exact import ExactVectors
from memgarden.vector.give import CollectionWriter, open_to_give
from memgarden.vector.inuse import DATABASE as DATABASE_OF_CHROMA
from memgarden.vector.large import LargeScopes
from memgarden.vector.lock import OwnerLock
from memgarden.vector.outgoing import LAYOUTS, Source
from memgarden.vector.owner import PATIENCE, AskOwner
from memgarden.vector.process import DrainProcess
from memgarden.vector.qdrant import META, QdrantReader, read_qdrant

__all__ = [
    "build",
    "inspector",
    "open_database",
    "open_index",
    "read_collection",
    "read_mem0",
    "write_collection",
]

DATABASE = "garden.db"
CHROMA = "chroma"
DRAINER = "drainer"  # whose lock says who carries the outbox to a server
LANGUAGE = "english"
EMBEDDER = "onnx"


def build(where: str, settings: Settings) -> Parts:
    """Everything that a garden at `where` works with, made by `settings` and by what was settled when it was made."""
    if settings.embedder is not None:
        _embedder(settings.embedder, settings.threads)  # a name that is none must not leave an empty garden behind
    if settings.language is not None:
        languages_of(settings.language)
    _fusion(settings.fusion)
    check_names(settings.reranker)
    if isinstance(settings.chunker, str) and settings.chunker not in (AUTO, *CHUNKERS):
        raise UnknownStrategy("chunker", settings.chunker, (AUTO, *CHUNKERS))
    if "://" not in where:
        where = str(Path(where).absolute())  # which stays right when the process changes its folder
    database = open_database(where, settings.lock_timeout)
    try:
        return _assemble(where, settings, database)
    except BaseException:
        database.close()
        raise


def open_database(where: str, lock_timeout: float) -> Database:
    """The database of the garden at `where`, a folder or an SQL URL, in the schema of this memgarden."""
    database = Database(where if "://" in where else _folder_url(where), lock_timeout=lock_timeout)
    migrate(database)
    return database


def _folder_url(where: str) -> sa.URL:
    folder = Path(where)
    try:
        # What people remember is theirs: nobody else on the machine may read it.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made or is no folder ({error}): choose another place") from error
    return sa.URL.create("sqlite", database=str(folder / DATABASE))  # which reads nothing into the folder's name


def _assemble(where: str, settings: Settings, database: Database) -> Parts:
    target = _chroma(where, settings)
    embedder, facts = _settle(settings, database, mirrored=target is not None)
    languages = languages_of(facts["language"])
    facts = settle_facts(database, {"analyzer": languages.name})
    if facts["analyzer"] != languages.name:
        raise InvalidSetting(
            f"this garden's terms were made by {facts['analyzer']!r} and this memgarden makes {languages.name!r}: "
            "export the memories and add them to a new garden"
        )
    dimension = embedder.dimension
    reader = Reader(database, dimension, large=target is not None)
    outbox, catalogue, audit = SqlOutbox(database), SqlCatalogue(database), SqlAudit(database)
    # What several processes share has one that drains it: of two that build one collection, the later empties it.
    lock = SqlLease(database) if "://" in where else OwnerLock(Path(where) / DRAINER)
    mirror, nearest, let_go = _mirror(target, where, facts, outbox, audit, lock, settings.exact_limit)
    large = LargeScopes(dimension, reader, outbox, nearest)

    upkeep = SqlUpkeep(database)
    archives = _archives(where, settings)
    retrieved = Retrieved(upkeep.note_retrievals)

    def release() -> None:
        let_go()
        with suppress(GardenBusy):  # which search found what is worth no waiting
            retrieved.flush()
        database.close()

    if mirror is not None:
        if facts["mirrored"] == "no":
            outbox.refill()
        if outbox.count() or catalogue.large():
            mirror.wake()  # what another process left behind, and what only Chroma's owner can search
        if audit.finding():
            mirror.check()  # which may have been mended meanwhile
    return Parts(
        id=facts["id"],
        where=where,
        facts=facts,
        source=reader,
        sink=Writer(database),
        upkeep=upkeep,
        shift=SqlShift(database),
        archives=archives,
        erase_archived=lambda task: _erase_archived(database, where, archives, task),
        note_archives=lambda: None if archives is None else note_archives(database, _told(where, archives)),
        retrieved=retrieved,
        catalogue=catalogue,
        outbox=outbox,
        audit=audit,
        mirror=mirror,
        preparer=Preparer(
            embedder=CachedEmbedder(embedder, EmbeddingTable(database, settings.cached_embeddings)),
            languages=languages,
            cutter=_cutter(settings, embedder),
            signals=settings.signals,
        ),
        describe=describe,
        pool=IndexPool(
            reader,
            settings.index_bytes,
            resolve("leg", LEGS, "bm25"),
            lambda head: large.leg(head.scope) if head.large else ExactVectors(dimension),
        ),
        fusion=_fusion,
        default_fusion=settings.fusion,
        signals=settings.signals,
        alpha=settings.alpha,
        rerankers=Rerankers(
            settings.reranker, RerankerTools(embedder, languages.analyzer(0), BoundedArrays(settings.rerank_bytes))
        ),
        expanders=choose,
        searched=large.how,
        backup=lambda folder: copy_record(database, folder / DATABASE),
        release=release,
        renew=lambda: build(where, settings),
        eraser=SqlEraser(database),
        compactor=SqlCompactor(database, settings.cached_embeddings),
        narrower=SqlNarrower(database),
        chroma="none" if target is None else "server" if _chroma_folder(target) is None else "folder",
        erase_here=lambda: _erase_here(where, facts["id"]),
        chroma_folder=_chroma_folder(_own_chroma(where) if target is None else target),
    )


def _settle(settings: Settings, database: Database, *, mirrored: bool) -> tuple[Embedder, dict[str, str]]:
    """The garden's embedder and facts; what contradicts them is refused."""
    facts = read_facts(database)
    setting = settings.embedder if settings.embedder is not None else facts.get("embedder_setting", EMBEDDER)
    if setting == "":
        raise EmbedderMismatch(
            f"this garden was made with an embedder of your own, {facts['embedder']!r}: pass it as embedder=..."
        )
    embedder = _embedder(setting, settings.threads)
    facts = settle_facts(
        database,
        {
            "id": uuid.uuid4().hex,
            "embedder": embedder.name,
            "embedder_setting": setting if isinstance(setting, str) else "",
            "dimension": str(embedder.dimension),
            "language": settings.language or LANGUAGE,
            "mirrored": "yes" if mirrored else "no",
        },
    )
    if (embedder.name, str(embedder.dimension)) != (facts["embedder"], facts["dimension"]):
        raise EmbedderMismatch(
            f"this garden's vectors come from {facts['embedder']!r} ({facts['dimension']} dimensions), not from "
            f"{embedder.name!r} ({embedder.dimension}): open it without embedder=, or make a new garden"
        )
    if settings.language not in (None, facts["language"]):
        raise InvalidSetting(
            f"this garden's language is {facts['language']!r}, not {settings.language!r}: open it without "
            "language=, or make a new garden"
        )
    return embedder, facts


def _embedder(setting: str | Embedder, threads: int | None) -> Embedder:
    if not isinstance(setting, str):
        return setting
    name, _, argument = setting.partition(":")
    maker = resolve("embedder", EMBEDDERS, name)
    embedder: Embedder
    if name in ("onnx", "fast"):
        embedder = maker(argument or None, fast=name == "fast", threads=threads)
    elif name == "sentence-transformers":
        if not argument:
            raise InvalidSetting("name the model, as in embedder='sentence-transformers:all-MiniLM-L6-v2'")
        embedder = maker(argument)
    else:
        embedder = maker(int(argument)) if argument else maker()
    return embedder


def _cutter(settings: Settings, embedder: Embedder) -> Cutter:
    window, count = embedder.window()
    size = settings.chunk_size or window
    if size > window:
        raise InvalidSetting(f"chunk_size is {size} tokens and {embedder.name!r} reads {window}: choose less")
    overlap = settings.chunk_overlap
    if overlap is not None and not 0 <= overlap <= size // 2:
        raise InvalidSetting(f"the overlap of chunks is 0 to half their size ({size}), not {overlap}")

    @cache
    def chunker(name: str) -> Chunker:
        maker = resolve("chunker", CHUNKERS, name)
        own = settings.chunk_size or min(window, maker.most or window)
        made: Chunker = maker(own, overlap if overlap is None else min(overlap, own // 2), count)
        return made

    asked: str | Chunker | None = settings.chunker
    if isinstance(asked, str):
        asked = None if asked == AUTO else chunker(asked)
    return Cutter(size, count, chunker, asked, headings=settings.headings)


def _chroma(where: str, settings: Settings) -> Any:
    """Where the garden's Chroma is: a folder, a URL or a client; None for nowhere."""
    if isinstance(settings.chroma, str) and settings.chroma == AUTO:
        return _own_chroma(where)
    return settings.chroma


def _own_chroma(where: str) -> Path | None:
    """The folder of the Chroma that a garden has by itself; None for a garden in a server."""
    return None if "://" in where else Path(where) / CHROMA


def _archives(where: str, settings: Settings) -> Path | None:
    """Where the garden's archives are; None for a garden in a server that was told of no place."""
    if settings.archives is not None:
        return Path(settings.archives).absolute()
    return None if "://" in where else Path(where) / ARCHIVES


def _told(where: str, archives: Path) -> str:
    """How the garden notes the folder of its archives: one of its own by name, for a garden may be moved."""
    inside = "://" not in where and archives.parent == Path(where)
    return archives.name if inside else str(archives)


def _erase_archived(database: Database, where: str, archives: Path | None, task: Task) -> Copies:
    from memgarden.maintain.archives import erase_archived  # with all of maintenance, which few processes ever need

    return erase_archived(archives, task, _elsewhere(database, where, archives))


def _elsewhere(database: Database, where: str, archives: Path | None) -> list[str]:
    """The folders with archives of the garden that this opening of it does not reach."""
    noted = noted_archives(database)
    return [one for one in noted if archives is None or one != _told(where, archives)]


def _mirror(
    target: Any,
    where: str,
    facts: dict[str, str],
    outbox: SqlOutbox,
    audit: SqlAudit,
    lock: Lock,
    exact_limit: int,
) -> tuple[Mirror | None, Nearest, Callable[[], None]]:
    """What carries the outbox to Chroma, what searches large scopes there, and how to end that."""
    if target is None:
        return None, _no_chroma, lambda: None
    folder = _chroma_folder(target)
    if folder is not None:
        # A folder is served by a process of its own: Chroma holds the GIL while it writes, and damage can crash it.
        process = DrainProcess([sys.executable, "-m", "memgarden.drainer", where, str(folder), str(exact_limit)])
        asking = AskOwner(folder, process.wake)
        return process, asking, asking.close
    index = open_index(target, facts, outbox)
    drainer = Drainer(outbox, lambda: index, lock, inspect=inspector(audit), tend=lambda: outbox.rebalance(exact_limit))
    # Searches have a client of their own: it gives up sooner, and no failure of the other closes it.
    searching = open_index(target, facts, outbox, PATIENCE)
    return drainer, searching.nearest, searching.close


def _chroma_folder(target: Any) -> Path | None:
    """The folder of an embedded Chroma; None for a server and for a client."""
    if isinstance(target, str | Path) and not str(target).startswith(("http://", "https://")):
        return Path(target).absolute()
    return None


def _erase_here(where: str, garden_id: str) -> bool | None:
    """Erase the Chroma in the garden's folder that is not its own now, or that nobody has open; see `Parts`."""
    folder = Path(where) / CHROMA
    if "://" in where or not folder.is_dir():
        return None
    if not holds_anything(folder):
        return True  # the garden's own, erased before and not filled again since
    lock = OwnerLock(folder)
    if not lock.try_acquire():
        return False
    try:
        erase_folder(folder, garden_id)
    finally:
        lock.release()
    return True


def _no_chroma(scope: int, vector: Floats, most: int) -> tuple[Ints, Floats]:
    raise ChromaError("the garden was opened without Chroma")


def open_index(target: Any, facts: dict[str, str], outbox: SqlOutbox, timeout: float = REQUEST_TIMEOUT) -> ChromaIndex:
    """The garden's collections in the Chroma that `target` names; `timeout`, in seconds, is what a server gets."""
    return ChromaIndex(target, facts["id"], facts["embedder"], int(facts["dimension"]), outbox.count(), timeout)


def read_mem0(place: Any, collection: str) -> CollectionReader | QdrantReader:
    """The collection of a mem0 store: in a folder of Qdrant's, or in a Chroma anywhere."""
    folder = folder_of(place)
    if folder is not None and (folder / META).is_file():
        return read_qdrant(folder, collection)
    if folder is not None and not (folder / DATABASE_OF_CHROMA).is_file():
        raise StorageError(
            f"{folder} holds no store of mem0's, neither Qdrant's {META} nor Chroma's {DATABASE_OF_CHROMA}: give the "
            "`path` of its vector store, which is /tmp/qdrant if it was never set"
        )
    return read_collection(place, collection)


def write_collection(
    parts: Parts, path: ScopePath, chroma: Any, name: str, layout: str
) -> AbstractContextManager[CollectionWriter]:
    """A collection to give a scope's memories to."""
    if layout not in LAYOUTS:
        raise UnknownStrategy("layout", layout, LAYOUTS)
    embedder = parts.preparer.embedder
    source = Source(parts.id, path, embedder.name)
    return open_to_give(chroma, name, source, layout, parts.source.count(path, utc_now()), embedder.dimension)


def inspector(audit: SqlAudit) -> Callable[[Any], None]:
    """Compares an index with the record and notes what is wrong, which a refusal is too."""

    def inspect(index: ChromaIndex) -> None:
        expected = audit.expected()
        if expected is None:
            return
        finding = None
        if expected:  # else there need not be a Chroma
            try:
                _remove_orphans(index, audit, expected)
                finding = index.compare(expected)
                if finding is None:
                    index.tidy(expected.rebuilt)
            except ChromaError as error:
                finding = str(error)
        audit.note(finding)

    return inspect


def _remove_orphans(index: ChromaIndex, audit: SqlAudit, expected: Expected) -> None:
    """Drop collections of scopes that have none by the record: left by a database that was restored since."""
    orphans = set(index.owned()) - expected.own.keys() - expected.moving
    if orphans:
        # Read again after the look, for what was made meanwhile: that it is to be made was noted before.
        expected = audit.expected() or expected
    for orphan in orphans - expected.own.keys() - expected.moving:
        index.demote(orphan)


@cache
def _fusion(name: str) -> Fusion:
    method: Fusion = resolve("fusion", FUSIONS, name)
    return method
