"""Whose turn it is to maintain a garden: one process at a time, by a row in its database."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from contextlib import suppress

import sqlalchemy as sa

from memgarden.errors import GardenBusy
from memgarden.store import schema
from memgarden.store.engine import Database
from memgarden.store.statement import Statement

__all__ = ["SqlShift"]

KEY = "maintenance"
SECONDS = 120.0  # after which one that does not renew it is taken for dead; each step of maintenance takes far less

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
        self._until = 0.0

    def begin(self) -> None:
        """Take it, or renew it; `GardenBusy` says who has it."""
        if time.time() < self._until - SECONDS / 2:
            return
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

    def end(self) -> None:
        """Give it back."""
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
