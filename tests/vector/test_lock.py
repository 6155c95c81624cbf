"""One owner at a time, and none when the owner is dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from memgarden.vector.lock import OwnerLock

HOLD = """
import sys
from memgarden.vector.lock import OwnerLock
lock = OwnerLock(sys.argv[1])
print(lock.try_acquire(), flush=True)
sys.stdin.read()
"""


def other(folder: Path) -> subprocess.Popen[str]:
    """Another process that tries to own the folder, says whether it does, and lives until it is killed."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_killed_owner_lets_go(tmp_path: Path) -> None:
    lock = OwnerLock(tmp_path / "chroma")
    with other(tmp_path / "chroma") as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "True\n"
        assert not lock.try_acquire()
        holder = lock.holder()
        assert holder is not None
        assert str(holder.pid) in str(holder)
        assert holder.pid == owner.pid
        owner.kill()
        owner.wait()
    assert lock.holder() is None
    assert lock.try_acquire()


def test_only_one_owns_a_folder_until_it_lets_go(tmp_path: Path) -> None:
    one, two = OwnerLock(tmp_path / "chroma"), OwnerLock(tmp_path / "chroma")
    assert one.holder() is None
    assert one.try_acquire()
    assert one.try_acquire()
    assert not two.try_acquire()
    holder = two.holder()
    assert holder is not None
    assert holder.pid == os.getpid()
    one.release()
    one.release()
    assert two.try_acquire()


def test_the_lock_lies_beside_the_folder(tmp_path: Path) -> None:
    OwnerLock(tmp_path / "new" / "chroma").try_acquire()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["chroma.lock"]


def test_a_forked_child_does_not_own_what_its_parent_owns(tmp_path: Path) -> None:
    script = """
import os, sys
from memgarden.vector.lock import OwnerLock
lock = OwnerLock(sys.argv[1])
assert lock.try_acquire()
child = os.fork()
if not child:
    os._exit(3 if not lock.try_acquire() else 0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
assert lock.try_acquire() and not OwnerLock(sys.argv[1]).try_acquire()
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "chroma")], check=True)
