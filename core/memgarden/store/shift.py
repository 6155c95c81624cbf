"""Whose turn it is to maintain a garden: one thread of one process at a time, by a row in its database."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from memgarden.errors import GardenBusy, StorageError
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Statement

__all__ = ["SqlShift"]

KEY = "maintenance"
SECONDS = 120.0  # after which one that does not renew it is taken for dead; each step of maintenance takes far less
POLL_SECONDS = 0.1

fact = schema.garden.c
HERE = fact.key == sa.literal_column(f"'{KEY}'")
HOLDER = Statement(sa.select(fact.value).where(HERE))
LEAVE = Statement(sa.delete(schema.garden).where(HERE))
ENTER = Statement(sa.insert(schema.garden))


class SqlShift:
    """A lease that its holder renews; one whose holder died on this machine is free at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._token = secrets.token_hex(8)
        self._own = threading.RLock()
        self._depth = 0
        self._until = 0.0

    @contextmanager
    def during(self, patience: float = 0.0) -> Iterator[None]:
        """While this thread has it, which it may already; `GardenBusy` says who has it, after `patience` seconds."""
        end = time.monotonic() + patience
        if not self._own.acquire(timeout=patience):
            raise GardenBusy("another thread maintains this garden: try again when it is done")
        try:
            while not self._depth:
                try:
                    self._take()
                    break
                except GardenBusy:
                    if time.monotonic() + POLL_SECONDS > end:
                        raise
                    time.sleep(POLL_SECONDS)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    with suppress(GardenBusy, StorageError):  # it runs out by itself
                        self._give_back()
        finally:
            self._own.release()

    def renew(self) -> None:
        """Keep it for some more time; `GardenBusy` if somebody else has it by now."""
        if time.time() > self._until - SECONDS / 2:
            self._take()

    def _take(self) -> None:
        with self._database.write() as session:
            held = json.loads(session.value(HOLDER, {}) or "{}")
            if held and held["token"] != self._token and held["until"] > time.time() and not _is_dead(held):
                raise GardenBusy(
                    f"process {held['pid']} on {held['host']} maintains this garden: try again when it is done, or in "
                    f"{held['until'] - time.time():.0f} s if it is dead"
                )
            until = time.time() + SECONDS
            mine = {"token": self._token, "pid": os.getpid(), "host": socket.gethostname(), "until": until}
            session.run(LEAVE, {})
            session.many(ENTER, [{"key": KEY, "value": json.dumps(mine)}])
        self._until = until

    def _give_back(self) -> None:
        self._until = 0.0
        with self._database.write() as session:
            if json.loads(session.value(HOLDER, {}) or "{}").get("token") == self._token:
                session.run(LEAVE, {})


def _is_dead(held: dict[str, object]) -> bool:
    if held["host"] != socket.gethostname() or not isinstance(held["pid"], int):
        return False
    with suppress(PermissionError):  # it lives, and is somebody else's
        try:
            os.kill(held["pid"], 0)
        except ProcessLookupError:
            return True
    return False
