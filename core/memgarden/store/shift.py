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
from memgarden.store.statement import Session, Statement

__all__ = ["SqlShift", "check_shift"]

KEY = "maintenance"
SECONDS = 120.0  # after which one that does not renew it is taken for dead; each step of maintenance takes far less
RENEWED = 5.0  # seconds after which it is renewed: rather than between all steps
POLL_SECONDS = 0.1

fact = schema.garden.c
HERE = fact.key == sa.literal_column(f"'{KEY}'")
HOLDER = Statement(sa.select(fact.value).where(HERE))
LEAVE = Statement(sa.delete(schema.garden).where(HERE))
ENTER = Statement(sa.insert(schema.garden))
CLOCK = Statement(sa.text("SELECT extract(epoch FROM clock_timestamp())"))


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

    @property
    def token(self) -> str:
        """What the record checks, in the same transaction, before it removes anything for the sake of maintenance."""
        return self._token

    def renew(self) -> None:
        """Keep it for some more time; `GardenBusy` if it ran out and somebody else may have had it since."""
        if time.time() < self._until - SECONDS + RENEWED:
            return
        with self._database.write() as session:
            check_shift(session, self._token)
            self._note(session)

    def _take(self) -> None:
        with self._database.write() as session:
            held = json.loads(session.value(HOLDER, {}) or "{}")
            left = float(held["until"]) - _now(session) if held else 0.0
            if held and held["token"] != self._token and left > 0 and not _is_dead(held):
                raise GardenBusy(
                    f"process {held['pid']} on {held['host']} maintains this garden: try again when it is done, or in "
                    f"{left:.0f} s if it is dead"
                )
            self._note(session)

    def _note(self, session: Session) -> None:
        now = _now(session)
        mine = {"token": self._token, "pid": os.getpid(), "host": socket.gethostname(), "until": now + SECONDS}
        session.run(LEAVE, {})
        session.many(ENTER, [{"key": KEY, "value": json.dumps(mine)}])
        self._until = time.time() + SECONDS

    def _give_back(self) -> None:
        self._until = 0.0
        with self._database.write() as session:
            if json.loads(session.value(HOLDER, {}) or "{}").get("token") == self._token:
                session.run(LEAVE, {})


def check_shift(session: Session, token: str) -> None:
    """`GardenBusy` unless the lease is that of this token: as part of a transaction, which then changes nothing."""
    if json.loads(session.value(HOLDER, {}) or "{}").get("token") != token:
        raise GardenBusy("this took so long that another process may maintain the garden now: run it again")


def _now(session: Session) -> float:
    """Seconds since 1970, by the clock that all who share the database have in common."""
    return float(session.value(CLOCK, {})) if session.dialect.name == "postgresql" else time.time()


def _is_dead(held: dict[str, object]) -> bool:
    if held["host"] != socket.gethostname() or not isinstance(held["pid"], int):
        return False
    with suppress(PermissionError):  # it lives, and is somebody else's
        try:
            os.kill(held["pid"], 0)
        except ProcessLookupError:
            return True
    return False
