"""A process has one garden a place, however many ask for it by its address."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from memgarden import EmbedderMismatch, Garden, shared_garden
from memgarden.embed.hashing import HashingEmbedder


def test_one_address_is_one_garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whatever name the folder goes, and for threads that ask at once."""
    embedder = HashingEmbedder(64)
    monkeypatch.chdir(tmp_path)
    found: list[Garden] = []
    threads = [
        threading.Thread(target=lambda: found.append(shared_garden(tmp_path / "g", embedder=embedder)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (tmp_path / "link").symlink_to(tmp_path / "g")
    names = ["g", str(tmp_path / "g"), tmp_path / "x" / ".." / "g", "link"]
    assert len(set(map(id, [*found, *map(shared_garden, names)]))) == 1
    found[0].close()


def test_a_closed_one_is_opened_again(tmp_path: Path) -> None:
    """What closed it did not know who else would ask."""
    first = shared_garden(tmp_path, embedder=HashingEmbedder(64))
    first.scope("alice").add("kept", id="a")
    first.close()
    second = shared_garden(tmp_path, embedder=HashingEmbedder(64))
    assert second is not first
    assert second.scope("alice").get("a") is not None
    second.close()


def test_another_embedder_is_refused(tmp_path: Path) -> None:
    """Rather than given a garden that was opened with one."""
    garden = shared_garden(tmp_path, embedder=HashingEmbedder(64))
    with pytest.raises(EmbedderMismatch, match="64 dimensions"):
        shared_garden(tmp_path, embedder=HashingEmbedder(32))
    garden.close()


def test_the_end_of_the_process_closes_it(tmp_path: Path) -> None:
    """With its Chroma filled; what a forked child inherited is left to its parent."""
    code = (
        "import os, sys\n"
        "from memgarden import shared_garden\n"
        "from memgarden.embed.hashing import HashingEmbedder\n"
        "garden = shared_garden(sys.argv[1], embedder=HashingEmbedder(64))\n"
        "garden.scope('alice').add('tea')\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "garden.scope('alice').add('more tea')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=120, env={**os.environ})
    with Garden.open(tmp_path, embedder=HashingEmbedder(64)) as garden:
        assert garden.health().rows["outbox"] == 0
        assert garden.scope("alice").count() == 2
