"""The drainer in a process of its own: nothing that happens to it happens to the host, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from memgarden.vector.lock import OwnerLock
from memgarden.vector.process import DrainProcess
from memgarden.vector.serve import NICENESS
from tests.vector.conftest import held
from tests.vector.outbox import SqliteOutbox
from tests.waiting import eventually

CHILD = str(Path(__file__).with_name("child.py"))


class Setting:
    """An outbox and a folder that processes share."""

    def __init__(self, folder: Path) -> None:
        self.database, self.chroma = folder / "outbox.db", folder / "chroma"
        self.outbox = SqliteOutbox(self.database)
        self.crash = Path(f"{self.database}.crash")
        self.command = [sys.executable, CHILD, str(self.database), str(self.chroma)]
        self.drainer = DrainProcess(self.command)

    def child(self) -> int:
        """The process id of the owner."""
        eventually(lambda: OwnerLock(self.chroma).holder())
        holder = OwnerLock(self.chroma).holder()
        assert holder is not None
        return holder.pid


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    setting = Setting(tmp_path)
    yield setting
    setting.drainer.close(5)


def alive(pid: int) -> bool:
    """Whether a process is there, be it as a zombie."""
    return Path(f"/proc/{pid}").exists()


def test_the_outbox_goes_to_chroma_and_close_leaves_no_process(setting: Setting) -> None:
    assert setting.drainer.status().state == "stopped"
    setting.outbox.put(*(("upsert", str(n)) for n in range(300)), ("delete", "7"))
    setting.drainer.wake()
    eventually(lambda: setting.drainer.status().state == "idle")
    child = setting.child()
    assert os.getpriority(os.PRIO_PROCESS, child) == max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    setting.outbox.put(("upsert", "later"))  # as another process would, without a ring
    eventually(lambda: not setting.outbox.count())
    setting.drainer.close(5)
    assert setting.drainer.status().state == "stopped"
    assert not alive(child)
    setting.drainer.wake()
    assert setting.drainer.status().state == "stopped"
    assert held(setting.chroma) == {str(n) for n in range(300) if n != 7} | {"later"}


def test_a_child_that_crashes_is_reported_and_started_again(setting: Setting) -> None:
    setting.crash.touch()
    setting.outbox.put(("upsert", "a"))
    setting.drainer.wake()
    eventually(lambda: setting.drainer.status().state == "failing")
    error = str(setting.drainer.status().error)
    assert "signal 11 (Segmentation fault)" in error
    assert "about to crash" in error
    setting.crash.unlink()
    setting.drainer.wake()
    eventually(lambda: not setting.outbox.count())
    setting.drainer.close(5)
    assert held(setting.chroma) == {"a"}


def test_a_killed_child_is_replaced_and_what_it_left_is_done(setting: Setting) -> None:
    setting.outbox.put(*(("upsert", str(n)) for n in range(1_000)))
    setting.drainer.wake()
    eventually(lambda: setting.outbox.count() < 1_000)
    killed = setting.child()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: setting.drainer.status().state == "failing")
    assert "signal 9" in str(setting.drainer.status().error)
    eventually(lambda: not setting.outbox.count(), 20)
    assert not alive(killed)
    setting.drainer.close(5)
    assert held(setting.chroma) == {str(n) for n in range(1_000)}


def test_close_leaves_the_rest_in_the_outbox(setting: Setting) -> None:
    setting.outbox.put(*(("upsert", str(n)) for n in range(5_000)))
    setting.drainer.wake()
    eventually(lambda: setting.outbox.count() < 5_000)
    setting.drainer.close(10)
    assert 0 < setting.outbox.count() < 5_000
    assert len(held(setting.chroma)) + setting.outbox.count() == 5_000


def test_a_child_that_does_not_end_is_ended(setting: Setting) -> None:
    setting.outbox.put(("upsert", "a"))
    setting.drainer.wake()
    eventually(lambda: not setting.outbox.count())
    child = setting.child()
    os.kill(child, signal.SIGSTOP)
    closing = threading.Thread(target=setting.drainer.close, args=(0.2,), daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive() and not alive(child)


def test_a_host_that_is_killed_takes_its_child_with_it(setting: Setting) -> None:
    setting.outbox.put(*(("upsert", str(n)) for n in range(3_000)))
    script = """
import sys, time
from memgarden.vector.process import DrainProcess
drainer = DrainProcess(sys.argv[1:])
drainer.wake()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script, *setting.command]) as host:
        eventually(lambda: setting.outbox.count() < 3_000)
        child = setting.child()
        host.kill()
    eventually(lambda: not alive(child))
    assert OwnerLock(setting.chroma).holder() is None
    left = setting.outbox.count()
    assert left > 0
    assert len(held(setting.chroma)) + left == 3_000


def test_the_child_waits_for_another_owner_and_says_who_it_is(setting: Setting) -> None:
    owner = OwnerLock(setting.chroma)
    assert owner.try_acquire()
    setting.outbox.put(("upsert", "a"))
    setting.drainer.wake()
    eventually(lambda: setting.drainer.status().state == "waiting")
    assert f"process {os.getpid()}" in str(setting.drainer.status().error)
    owner.release()
    eventually(lambda: not setting.outbox.count())


def test_a_command_that_cannot_be_run_is_a_failure_and_can_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgarden.vector.process.BACKOFF", (0.1, 60.0))
    drainer = DrainProcess([str(tmp_path / "missing")])
    drainer.wake()
    eventually(lambda: drainer.status().state == "failing")
    assert "could not be started" in str(drainer.status().error)
    eventually(lambda: "again in 0.8 s" in str(drainer.status().error))
    drainer.close(1)
    monkeypatch.setattr("memgarden.vector.process.BACKOFF", (60.0, 60.0))
    resting = DrainProcess([str(tmp_path / "missing")])
    resting.wake()
    eventually(lambda: "again in 60 s" in str(resting.status().error))
    began = time.monotonic()
    resting.close(1)
    assert time.monotonic() - began < 30


def test_many_wakes_never_block_the_host(setting: Setting) -> None:
    setting.outbox.put(("upsert", "a"))
    setting.drainer.wake()
    eventually(lambda: not setting.outbox.count())
    os.kill(setting.child(), signal.SIGSTOP)
    waking = threading.Thread(target=lambda: [setting.drainer.wake() for _ in range(70_000)], daemon=True)
    waking.start()  # more than a pipe holds
    waking.join(30)
    blocked = waking.is_alive()
    os.kill(setting.child(), signal.SIGCONT)
    assert not blocked
