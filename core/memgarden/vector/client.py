"""The door to Chroma: a folder, a server or a client of one's own, and its many errors turned into one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from memgarden.errors import ChromaError, MemgardenError

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.config import Settings

__all__ = ["REBUILD", "REQUEST_TIMEOUT", "connect", "disconnect", "folder_of", "refusals"]

REQUEST_TIMEOUT = 60.0
"""Seconds a server may take to answer. chromadb waits for ever, so a server that hangs would stop the outbox."""

REBUILD = "Nothing is lost: SQL holds the record. If this persists, `memgarden reindex` builds the collection anew."


def folder_of(target: str | Path | ClientAPI) -> Path | None:
    """The folder that `target` names, absolute; None for a server and for a client."""
    if isinstance(target, Path):
        return target.resolve()
    if isinstance(target, str) and not target.startswith(("http://", "https://")):
        return Path(target).resolve()
    return None


def connect(target: str | Path | ClientAPI, timeout: float = REQUEST_TIMEOUT) -> ClientAPI:
    """A client for a folder, an `http(s)://host:port` URL, or the client handed in, used as it is.

    `timeout`, in seconds, is what a server gets for an answer. Raises `ChromaError` if Chroma cannot be opened or
    reached.
    """
    if not isinstance(target, str | Path):
        return target
    folder = folder_of(target)
    with refusals(f"open {target}"):
        return _open_server(str(target), timeout) if folder is None else _open_folder(folder)


def disconnect(client: ClientAPI) -> None:
    """Close a client that `connect` opened; the folder is free once its last client is closed."""
    close = getattr(client, "close", None)  # of chromadb's clients, not of their protocol
    if close is not None:
        with refusals("close"):
            close()


@contextmanager
def refusals(doing: str, advice: str = REBUILD) -> Iterator[None]:
    """Turn what chromadb, its HTTP client and its native code raise into a `ChromaError` that says what to do."""
    try:
        yield
    except BaseException as error:
        if not _is_refusal(error):
            raise
        raise ChromaError(f"Chroma could not {doing}: {type(error).__name__}: {error}. {advice}") from error


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, MemgardenError):
        return False
    import httpx
    from chromadb.errors import ChromaError as Refusal

    # chromadb reports a dead server as ValueError, what it cannot convert as TypeError, a closed client as
    # RuntimeError and a half-opened one as AttributeError. A panic of its native code is no Exception at all.
    families = (Refusal, httpx.HTTPError, OSError, ValueError, TypeError, RuntimeError, AttributeError)
    return isinstance(error, families) or type(error).__name__ == "PanicException"


def _settings() -> Settings:
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


def _open_folder(folder: Path) -> ClientAPI:
    import chromadb

    try:
        return chromadb.PersistentClient(str(folder), settings=_settings())
    except AttributeError:
        # chromadb 1.5.9 caches the half-started system of an open that failed; this attempt has thrown it out.
        return chromadb.PersistentClient(str(folder), settings=_settings())


def _open_server(url: str, timeout: float) -> ClientAPI:
    import chromadb
    import httpx

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    client = chromadb.HttpClient(parts.hostname or "localhost", port, ssl=secure, settings=_settings())
    # chromadb has no setting for this. Where a later version keeps its session elsewhere, requests wait as before.
    session = getattr(getattr(client, "_server", None), "_session", None)
    if isinstance(session, httpx.Client):
        session.timeout = httpx.Timeout(timeout)
    return client
