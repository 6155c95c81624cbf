"""What can go wrong, named by what the caller did.

Every error inherits the root and the builtin a caller would try first:

    MemgardenError
    ├── InvalidMemory      ValueError    what was handed in cannot be stored
    ├── InvalidScope       ValueError    a label no scope may have
    ├── InvalidFilter      ValueError    a `where` that is not of the filter language
    ├── InvalidQuery       ValueError    a search that cannot be run as asked
    ├── InvalidDataset     ValueError    data for an evaluation that cannot be used as it is
    ├── InvalidSetting     ValueError    a setting outside its range, or that contradicts the garden's
    │   └── UnknownStrategy              a name that no registry holds
    ├── EmbedderMismatch   ValueError    vectors of another space than the garden's
    ├── MemoryNotFound     KeyError      an id that the scope does not hold
    ├── MissingExtra       ImportError   a package that an optional part needs
    ├── ModelNotFound      FileNotFoundError
    ├── RerankerFailed     RuntimeError  a reranker raised, or did not give one finite score a hit
    ├── ExpanderFailed     RuntimeError  an expander raised, or did not give texts
    ├── SummarizerFailed   RuntimeError  a summariser raised, or gave no text; nothing of its group was changed
    ├── Conflict           RuntimeError  somebody else changed it first
    ├── GardenClosed       RuntimeError
    ├── SchemaTooNew       RuntimeError  written by a later memgarden
    ├── GardenBusy         TimeoutError  the database stayed locked
    ├── StorageError       OSError       the database refused: disk full, read-only, damaged
    └── ChromaError        RuntimeError  Chroma refused; nothing is lost, the outbox keeps it
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ChromaError",
    "Conflict",
    "EmbedderMismatch",
    "ExpanderFailed",
    "GardenBusy",
    "GardenClosed",
    "InvalidDataset",
    "InvalidFilter",
    "InvalidMemory",
    "InvalidQuery",
    "InvalidScope",
    "InvalidSetting",
    "MemgardenError",
    "MemoryNotFound",
    "MissingExtra",
    "ModelNotFound",
    "RerankerFailed",
    "SchemaTooNew",
    "StorageError",
    "SummarizerFailed",
    "UnknownStrategy",
]


PACKAGES = {
    "fast": "onnx",
    "postgres": "'psycopg[binary]'",
    "agents": "langchain",
    "classic": "langchain-classic",
    "langchain": "langchain-core",
    "langgraph": "langgraph-checkpoint",
    "llama-index": "llama-index-core",
    "languages": "py3langid",
    "summaries": "scikit-learn",
    "mem0": "qdrant-client",
    "eval": "pytrec-eval-terrier 'scipy>=1.15'",
}


class MemgardenError(Exception):
    """The root: catches everything that memgarden raises on purpose."""


class InvalidMemory(MemgardenError, ValueError):
    """What was handed in cannot be stored; nothing of the call was."""


class InvalidScope(MemgardenError, ValueError):
    """A scope's labels are missing, empty or hold a character that no label may hold."""


class InvalidFilter(MemgardenError, ValueError):
    """A `where` names an unknown operator or has a shape that the filter language does not know."""


class InvalidQuery(MemgardenError, ValueError):
    """A search cannot be run as asked: an unknown mode, a `k` below one, an alpha outside 0 to 1."""


class InvalidDataset(MemgardenError, ValueError):
    """Questions, documents or relevance judgements cannot be used as they are; nothing was evaluated."""


class InvalidSetting(MemgardenError, ValueError):
    """A setting is outside its range or contradicts what the garden was made with."""


class UnknownStrategy(InvalidSetting):
    """No strategy of that kind has that name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}: use one of {', '.join(sorted(known))}")


class EmbedderMismatch(MemgardenError, ValueError):
    """Vectors of another embedder or dimension than the garden's were handed in, or asked for."""


class MemoryNotFound(MemgardenError, KeyError):
    """The scope holds no memory of that id."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "no such memory"


class MissingExtra(MemgardenError, ImportError):
    """An optional part needs a package that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        wanted = PACKAGES.get(extra, extra)
        super().__init__(f"{package} is not installed: run `pip install {wanted}` (the extra {extra!r} of memgarden)")


class ModelNotFound(MemgardenError, FileNotFoundError):
    """The embedding model is in none of the places where it was looked for, or is not the one expected."""


class RerankerFailed(MemgardenError, RuntimeError):
    """A reranker raised an error, or gave something else than one finite number for each hit."""


class ExpanderFailed(MemgardenError, RuntimeError):
    """An expander raised an error, or gave something else than a few texts."""


class SummarizerFailed(MemgardenError, RuntimeError):
    """A summariser raised an error, or gave no text; the memories that it was given are where they were."""


class Conflict(MemgardenError, RuntimeError):
    """A memory that was read to be changed was changed by somebody else first."""


class GardenClosed(MemgardenError, RuntimeError):
    """The garden was closed; open it again with `Garden.open`."""


class SchemaTooNew(MemgardenError, RuntimeError):
    """The garden was written by a later memgarden than this one."""


class GardenBusy(MemgardenError, TimeoutError):
    """Another process kept the database locked for longer than the timeout; nothing of the call was stored."""


class StorageError(MemgardenError, OSError):
    """The database refused a read or a write (disk full, read-only, damaged); nothing of the call was stored."""


class ChromaError(MemgardenError, RuntimeError):
    """Chroma refused an operation; the record in SQL is whole and the outbox still holds what Chroma lacks."""
