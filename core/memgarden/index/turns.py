"""How the turns of a scope hang together: who spoke, and what was said before and after."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from memgarden.growable import Growable
from memgarden.records import Flags, Floats, Ints, Rows

__all__ = ["Turns"]

# Who has a role and no name is not named by these words: `user stories` are no stories of the user.
ROLES = frozenset({"user", "assistant", "human", "ai", "system", "tool", "function", "developer", "model", "bot"})
MOST_LINKED = 256  # rows that are linked one by one; for more it is quicker to begin anew
SHORTEST = 2  # letters of a word that can stand for a name


class Turns:
    """Made from the rows of a scope when a search first needs it, and again after other changes than additions."""

    def __init__(self, rows: Rows, alive: Flags, names: Mapping[int, str]) -> None:
        """`rows` is `(n,)` of dtype `ROW`, `names` the speakers by their hash."""
        self._rows = rows
        self._known = names.keys() | {0}
        self._speakers = _by_word(names)
        self._pattern = _pattern(self._speakers)
        count = len(rows)
        turns = (alive & (rows["session"] != 0)).nonzero()[0]
        # In the order of time within a session; stable, so that what was said at once stays in order of arrival.
        order = turns[np.lexsort((rows["created_at"][turns], rows["session"][turns]))]
        session = rows["session"][order]
        linked = (session[1:] == session[:-1]).nonzero()[0]
        # Rows of neighbours, -1 for none.
        self._before, self._after = Growable(np.int64), Growable(np.int64)
        for links in (self._before, self._after):
            links.extend(np.full(count, -1, dtype=np.int64))
        self._before.view[order[linked + 1]] = order[linked]
        self._after.view[order[linked]] = order[linked + 1]
        self._last: dict[int, int] = dict(zip(session.tolist(), order.tolist(), strict=True))

    def extend(self, rows: Rows) -> bool:
        """Take in what was appended to the rows; False, and nothing done, if it is not all new ends of sessions."""
        first = len(self._rows)
        fresh = rows[first:]
        if len(fresh) > MOST_LINKED or not self._known.issuperset(fresh["speaker"].tolist()):
            return False
        last = dict[int, int]()
        pairs = list[tuple[int, int]]()
        for row, session in enumerate(fresh["session"].tolist(), first):
            if session:
                end = last.get(session, self._last.get(session, -1))
                if end >= 0 and rows["created_at"][end] > rows["created_at"][row]:
                    return False
                pairs += [(end, row)] if end >= 0 else []
                last[session] = row
        for links in (self._before, self._after):
            links.extend(np.full(len(fresh), -1, dtype=np.int64))
        for end, row in pairs:
            self._before.view[row], self._after.view[end] = end, row
        self._last |= last
        self._rows = rows
        return True

    def with_neighbours(self, scores: Floats, previous: float, following: float) -> Floats:
        """`(n,)`: the scores with shares of those of the turn before and the turn after in the same session."""
        padded = np.append(scores, np.float32(0))  # where -1 finds the 0 of no neighbour
        total: Floats = scores + previous * padded[self._before.view] + following * padded[self._after.view]
        return total

    def around(self, row: int, count: int) -> tuple[list[int], list[int]]:
        """The memories of at most `count` turns before a row's and after it, each in order of time."""
        return self._walk(row, count, self._before.view)[::-1], self._walk(row, count, self._after.view)

    def _walk(self, row: int, count: int, links: Ints) -> list[int]:
        memories = self._rows["memory"]
        own, found = int(memories[row]), list[int]()
        while (row := int(links[row])) >= 0:
            memory = int(memories[row])
            if memory not in (own, *found[-1:]):  # the chunks of a long turn follow one another
                if len(found) == count:
                    break
                found.append(memory)
        return found

    def without_names(self, text: str) -> str:
        """The text without the names of the scope's speakers; itself where nothing else is left."""
        if self._pattern is None:
            return text
        rest = " ".join(self._pattern.sub(" ", text).split())
        return rest if any(letter.isalnum() for letter in rest) else text

    def named(self, text: str, aliases: Mapping[str, str]) -> Ints:
        """The hashes of the speakers whom a text names, by a word of their name or by an alias."""
        speakers = self._speakers
        pattern = self._pattern
        if aliases:
            known = {alias.casefold(): self._speakers.get(name.casefold(), set()) for alias, name in aliases.items()}
            speakers = {**speakers, **known}
            pattern = _pattern(speakers)
        if pattern is None:
            return np.empty(0, dtype=np.int64)
        found = [speakers[match.group(1).casefold()] for match in pattern.finditer(text)]
        return np.array(sorted(set().union(*found)), dtype=np.int64)

    def sessions(self, rows: Ints) -> Ints:
        """A number for the session of each row; what is no turn is in one with the other chunks of its memory."""
        sessions: Ints = self._rows["session"][rows]
        if not sessions.all():
            sessions = np.where(sessions != 0, sessions, -self._rows["memory"][rows])
        return sessions

    def speakers(self, rows: Ints) -> Ints:
        """The hash of each row's speaker, 0 for what is no turn."""
        numbers: Ints = self._rows["speaker"][rows]
        return numbers

    def stated(self, rows: Ints) -> Ints:
        """How many content words each row states."""
        numbers: Ints = self._rows["stated"][rows]
        return numbers

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self._before.nbytes + self._after.nbytes + 100 * len(self._last)


def _by_word(names: Mapping[int, str]) -> dict[str, set[int]]:
    """Each full name, and each word of a name that only one speaker has."""
    speakers: dict[str, set[int]] = {}
    for number, name in names.items():
        folded = name.casefold()
        if folded in ROLES:
            continue
        for word in {folded, *folded.split()}:
            if len(word) >= SHORTEST:
                speakers.setdefault(word, set()).add(number)
    full = {name.casefold() for name in names.values()}
    return {word: owners for word, owners in speakers.items() if len(owners) == 1 or word in full}


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds the words as words, with their possessives; the longest first."""
    ordered = sorted(words, key=len, reverse=True)
    if not ordered:
        return None
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, ordered))})(?:['’]s|['’])?(?!\w)", re.IGNORECASE)
