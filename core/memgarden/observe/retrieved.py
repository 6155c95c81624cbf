"""When memories were last found: noted beside the searches, and written down in the background, many at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from memgarden.errors import MemgardenError
from memgarden.records import Hit, ScopePath, utc_now

__all__ = ["Retrieved"]

SECONDS = 20.0  # between a search and the note of it; what a killed process had not noted is taken for unused
MOST = 2_000  # searches whose notes wait; beyond that the oldest go

Save = Callable[[ScopePath, Mapping[str, datetime]], None]


class Retrieved:
    """What the searches of this process found; safe for threads. A search pays for one append."""

    def __init__(self, save: Save) -> None:
        self._save = save
        self._seen: list[tuple[ScopePath, list[str]]] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def note(self, path: ScopePath, hits: list[Hit]) -> None:
        """These were found now, give or take `SECONDS`."""
        if not hits:
            return
        self._seen.append((path, [hit.memory.id for hit in hits]))
        if self._timer is None:
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(SECONDS, self._save_now)
                self._timer.daemon = True
                self._timer.name = "memgarden-retrieved"
                self._timer.start()

    def flush(self) -> None:
        """Write down what was noted until now; `MemgardenError` if the database refuses."""
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            seen, self._seen = self._seen, []
        now = utc_now()
        found: dict[ScopePath, dict[str, datetime]] = {}
        for path, ids in seen[-MOST:]:
            found.setdefault(path, {}).update(dict.fromkeys(ids, now))
        for path, times in found.items():
            self._save(path, times)

    def _save_now(self) -> None:
        try:
            self.flush()
        except MemgardenError:
            return  # a busy database: these searches go unnoted, and no search may fail for it
