"""Whether Chroma holds what the record says. It does not say so itself: with its vectors gone it still counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from memgarden.protocols import Contents

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

__all__ = ["difference"]

TOLERANCE = 1e-3
"""Between a vector's numbers: a copy in float32, normalised once more, differs by less than 1e-6."""

NEAREST = 10
"""Results among which a chunk must be found by its own vector: HNSW is approximate, and texts may be equal."""

ASKED = 5
"""Chunks of the sample that are asked for by their vector."""


def difference(collection: Collection, expected: Contents, page: int) -> str | None:
    """What is wrong, in words; None if the number of chunks is right and the sample's vectors are there and right."""
    waiting = list(expected.waiting)
    early = sum(
        len(collection.get(ids=waiting[at : at + page], include=[])["ids"]) for at in range(0, len(waiting), page)
    )
    held = collection.count() - early  # what is already there though its change is not yet struck off
    if held != expected.count:
        return f"Chroma holds {held:,} chunks where the record has {expected.count:,}"
    if not expected.sample:
        return None
    got = collection.get(ids=list(expected.sample), include=["embeddings"])
    vectors = dict(zip(got["ids"], np.asarray(got["embeddings"], np.float32), strict=True))
    wrong = [key for key, own in expected.sample.items() if key not in vectors or not _same(vectors[key], own)]
    if wrong:
        return f"of {len(expected.sample)} chunks looked at in Chroma, {len(wrong)} are missing or have another vector"
    asked = list(expected.sample)[:: max(1, len(expected.sample) // ASKED)]
    answer = collection.query(
        query_embeddings=np.stack([expected.sample[key] for key in asked]), n_results=NEAREST, include=["distances"]
    )
    distances = answer["distances"] or []
    lost = [key for key, ids, far in zip(asked, answer["ids"], distances, strict=True) if not _found(key, ids, far)]
    # A graph may miss one by chance; a broken one misses most.
    return (
        f"Chroma finds {len(lost)} of {len(asked)} chunks not by their own vector"
        if len(lost) * 2 > len(asked)
        else None
    )


def _same(one: object, other: object) -> bool:
    return bool(np.allclose(np.asarray(one), np.asarray(other), atol=TOLERANCE))


def _found(key: str, ids: list[str], distances: list[float]) -> bool:
    return key in ids or bool(distances and min(distances) < TOLERANCE)  # an equal text stands for it
