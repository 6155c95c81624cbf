"""What a plain chromadb client sees in a folder, and does to it, in a process of its own each time.

chromadb keeps its clients for as long as a process lives. Importing it takes over a second, so that these processes are
forked from one that has done no more than that.
"""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

import chromadb
import numpy as np

__all__ = ["by_hand", "chunks_of"]

T = TypeVar("T")

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "tests.plain_chroma"])
PATIENCE = 120.0  # seconds


def by_hand(folder: Path, code: str, *given: str) -> str:
    """What code prints that has a `client` of the folder, and what it is `given`."""
    return _apart(_run, str(folder), code, given)


def chunks_of(folder: Path, garden: str) -> dict[str, np.ndarray]:
    """What the collections of a garden hold: `ids`, `texts`, `vectors`, `scopes` with the memory, and `places`."""
    return _apart(_read, str(folder), garden)


def _apart(work: Callable[..., T], *arguments: object) -> T:
    with ProcessPoolExecutor(1, mp_context=FORKS) as pool:
        return pool.submit(work, *arguments).result(PATIENCE)


def _run(folder: str, code: str, given: tuple[str, ...]) -> str:
    with redirect_stdout(io.StringIO()) as said:
        exec(code, {"client": chromadb.PersistentClient(folder), "given": given})
    return said.getvalue()


def _read(folder: str, garden: str) -> dict[str, np.ndarray]:
    ids, texts, vectors, scopes, places = [], [], [], [], []
    for collection in chromadb.PersistentClient(folder).list_collections():
        if (collection.metadata or {}).get("mg.garden") != garden:
            continue
        for at in range(0, collection.count(), 1000):
            page: Any = collection.get(limit=1000, offset=at, include=["documents", "embeddings", "metadatas"])
            ids += page["ids"]
            places += [collection.name] * len(page["ids"])
            texts += page["documents"]
            vectors += list(page["embeddings"])
            scopes += [told["mg.scope"] + "|" + told["mg.memory_id"] for told in page["metadatas"]]
    lists = {"ids": ids, "texts": texts, "scopes": scopes, "vectors": vectors, "places": places}
    return {name: np.array(values) for name, values in lists.items()}
