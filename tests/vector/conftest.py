"""Where the Chroma of a test lives, and what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memgarden.vector.collection import ChromaIndex
from tests.chroma_server import Server
from tests.vector.outbox import DIMENSION


def held(target: Path | str) -> set[str]:
    """The ids of all chunks of the garden "garden"."""
    index = ChromaIndex(target, "garden", "test", DIMENSION)
    try:
        return set(index.ids())
    finally:
        index.close()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("chroma-server"))
    yield server
    server.stop()


@pytest.fixture(params=["folder", "server"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where Chroma lives; each test names its own garden, so that the server can be shared."""
    if request.param == "folder":
        return str(tmp_path / "chroma")
    return str(request.getfixturevalue("shared_server").url)
