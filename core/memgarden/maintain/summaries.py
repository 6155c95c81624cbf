"""Which old memories one summary tells, and the memory that it becomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from memgarden.errors import MemgardenError, MissingExtra, SummarizerFailed
from memgarden.ingest.prepare import Preparer
from memgarden.ingest.validate import check_memory, to_importance
from memgarden.maintain.plan import Step, Version
from memgarden.maintain.policy import Summarisation
from memgarden.records import RECORD, Entry, Floats, Memory, ScopePath, new_id
from memgarden.turns import SPEAKERS, SUMMARY, said
from memgarden.upkeep import Profile

__all__ = ["ORIGINALS", "Summarizer", "eligible", "plan_summaries", "summary_of"]

ORIGINALS = "originals"
"""The key in a summary's metadata under which the ids of what it tells are; `archive` names where they went."""

GROUPED = 2_000  # memories that are grouped together, in order of time: their matrix takes 32 MB
TAG, SESSION = 0.2, 0.1  # what a tag, or a session, in common adds to a cosine


class Summarizer(Protocol):
    """Tells several memories in one text; a function will do, as one that asks a language model."""

    def __call__(self, memories: Sequence[Memory], /) -> str:
        """The text; one that is empty, or an error, leaves the memories as they are."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A memory that may be told by a summary; `vector` `(d,)` is the mean of its chunks'."""

    version: Version
    said: datetime
    tags: frozenset[str]
    session: str | None
    vector: Floats


def eligible(profile: Profile, policy: Summarisation, now: datetime) -> bool:
    """Whether the policy lets a summary tell this memory."""
    return (
        profile.kind not in (RECORD, SUMMARY)
        and max(profile.created_at, profile.restored_at or profile.created_at) < now - timedelta(policy.older_than)
        and profile.importance <= to_importance(policy.importance)
        and profile.expires_at is None
        and (policy.kinds is None or profile.kind in policy.kinds)
    )


def plan_summaries(path: ScopePath, memories: Iterable[tuple[int, Entry]], policy: Summarisation) -> Iterator[Step]:
    """A step for each group of memories, given with their versions, that one summary is to tell."""
    members = sorted((_member(number, entry) for number, entry in memories), key=lambda one: (one.said, one.version.id))
    for start in range(0, len(members), GROUPED):
        window = members[start : start + GROUPED]
        for group in _groups(window, policy):
            first, last = group[0].said, group[-1].said
            tags = frozenset.intersection(*(one.tags for one in group))
            about = f" about {', '.join(sorted(tags))}" if tags else ""
            reason = f"{len(group)} memories{about} of {first:%Y-%m-%d} to {last:%Y-%m-%d}"
            goes = tuple(one.version for one in group)
            yield Step("summarise", path, goes, reason, sentences=policy.sentences)


def summary_of(entries: Sequence[Entry], archive: str, summarizer: Summarizer, preparer: Preparer) -> Entry:
    """The summary of memories that go into that archive, ready to be stored; `SummarizerFailed` if there is none."""
    memories = [entry.memory for entry in entries]
    try:
        text = summarizer(memories)
    except MemgardenError:
        raise
    except Exception as error:  # whatever a language model's client may raise
        raise SummarizerFailed(f"the summariser raised {type(error).__name__}: {error}") from error
    if not isinstance(text, str) or not text.strip():
        raise SummarizerFailed(f"the summariser gave no text but {text!r}")
    times = sorted(memory.created_at for memory in memories)
    metadata: dict[str, Any] = {
        "original_count": len(memories),
        "date_range": [times[0].isoformat(), times[-1].isoformat()],
        ORIGINALS: [memory.id for memory in memories],
        "archive": archive,
    }
    turns = [said(memory) for memory in memories]
    if speakers := list(dict.fromkeys(turn.speaker for turn in turns if turn is not None)):
        metadata[SPEAKERS] = speakers
    tags = dict.fromkeys(tag for memory in memories for tag in memory.tags)
    memory = Memory(
        text=text.strip(),
        id=new_id(),
        metadata=metadata,
        tags=tuple(tags),
        importance=max(memory.importance for memory in memories),
        kind=SUMMARY,
        created_at=times[-1],
    )
    return preparer.entries([check_memory(memory)], lambda _session, _memory: None)[0]


def _groups(members: Sequence[Member], policy: Summarisation) -> Iterator[list[Member]]:
    if len(members) < policy.smallest:
        return
    vectors = np.stack([member.vector for member in members])
    distances = 1 - vectors @ vectors.T
    for bonus, keys in ((TAG, [one.tags for one in members]), (SESSION, [{one.session} - {None} for one in members])):
        places: dict[object, list[int]] = {}
        for at, own in enumerate(keys):
            for key in own:
                places.setdefault(key, []).append(at)
        shared = np.zeros(distances.shape, dtype=np.bool_)
        for held in places.values():
            shared[np.ix_(held, held)] = True
        distances -= bonus * shared
    np.fill_diagonal(distances, 0)
    labels = _clusters(np.maximum(distances, 0), 1 - policy.similarity)
    for label in np.unique(labels):
        group = [members[at] for at in np.flatnonzero(labels == label).tolist()]
        pieces = -(-len(group) // policy.largest)
        bounds = np.linspace(0, len(group), pieces + 1).astype(int).tolist()  # of equal size, in order of time
        for start, end in pairwise(bounds):
            if end - start >= policy.smallest:
                yield group[start:end]


def _clusters(distances: Floats, reach: float) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The group of each row: agglomerative clustering by mean distance, up to `reach`."""
    try:
        from sklearn.cluster import AgglomerativeClustering
    except ModuleNotFoundError as error:
        raise MissingExtra("scikit-learn", "summaries") from error
    made = AgglomerativeClustering(n_clusters=None, metric="precomputed", linkage="average", distance_threshold=reach)
    labels: np.ndarray[Any, np.dtype[np.intp]] = made.fit_predict(distances)
    return labels


def _member(number: int, entry: Entry) -> Member:
    memory = entry.memory
    mean = np.mean([chunk.vector for chunk in entry.chunks], axis=0)
    turn = said(memory)
    return Member(
        Version(memory.id, number),
        memory.created_at,
        frozenset(memory.tags),
        None if turn is None else turn.session,
        mean / max(float(np.linalg.norm(mean)), 1e-12),
    )
