"""Indexes that are loaded from the record, and then only lose rows."""

from __future__ import annotations

import numpy as np

from memgarden import Garden
from memgarden.growable import Growable


def test_nothing_can_be_appended_to_what_was_taken_as_it_is() -> None:
    """What comes from the database is read-only, and writing nothing into it is an error of numpy's."""
    array = Growable(np.float32)
    array.extend(np.frombuffer(b"\0" * 8, np.float32))
    array.extend(np.empty(0, np.float32))
    array.extend(np.ones(1, np.float32))
    assert array.view.tolist() == [0, 0, 1]


def test_a_deletion_right_after_the_first_search_is_seen(garden: Garden) -> None:
    """Without any add in between."""
    scope = garden.scope("alice")
    scope.add_many([{"text": f"words {n}", "id": f"a{n}"} for n in range(4)])
    assert len(scope.search("words")) == 4
    scope.delete("a1")
    assert {hit.id for hit in scope.search("words")} == {"a0", "a2", "a3"}
