"""What tests share: gardens in a temporary folder, with the embedder that ships for tests, and a Chroma server."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from memgarden import Garden
from tests.chroma_server import Server

KILLS = int(os.environ.get("MEMGARDEN_KILLS", "50"))
"""How often what may be killed is killed in the slow tests."""

TIMES = [6, pytest.param(KILLS, marks=pytest.mark.slow)]

ROOT = Path(__file__).parents[1]
# The processes that tests start run the code under test, whichever tree the environment was installed from.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT / "core"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
)

settings.register_profile("memgarden", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("memgarden")


@pytest.fixture
def open_garden(tmp_path: Path) -> Iterator[Callable[..., Garden]]:
    """Opens the test's one garden, as often as asked: each a process's view of the same folder."""
    opened: list[Garden] = []

    def open_one(**changes: object) -> Garden:
        options: dict[str, object] = {"embedder": "hashing:64", "chroma": None} | changes
        garden = Garden.open(tmp_path / "garden", **options)  # type: ignore[arg-type]
        opened.append(garden)
        return garden

    yield open_one
    for garden in opened:
        garden.close()


@pytest.fixture
def garden(open_garden: Callable[..., Garden]) -> Garden:
    """An empty garden."""
    return open_garden()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Chroma server of the test's own."""
    server = Server(tmp_path / "server")
    yield server
    server.stop()


def drawn_seed() -> int:
    """A seed that a failing test prints, and that `MEMGARDEN_SEED` gives again."""
    seed = int(os.environ.get("MEMGARDEN_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print(f"MEMGARDEN_SEED={seed}")
    return seed
