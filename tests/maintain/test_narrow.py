"""Old vectors in fewer bytes: the loss is told first, and every index goes by what is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgarden import Garden, InvalidSetting, Memory
from memgarden.records import utc_now
from memgarden.store.vectors import narrowed, to_vector, to_vectors

OPEN = Callable[..., Garden]
Form = Literal["float16", "int8"]
OLD = utc_now() - timedelta(days=400)


@given(st.integers(0, 2**32 - 1), st.integers(2, 400), st.sampled_from(["float16", "int8", None]))
def test_a_vector_comes_back_from_few_bytes_nearly_as_it_was(seed: int, dimension: int, form: Form | None) -> None:
    """Of length 1, told from others by its length alone, and together with others."""
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    vector /= np.linalg.norm(vector)
    blob = vector.tobytes() if form is None else narrowed(vector, form)
    most = {None: 4, "float16": 2, "int8": 1}[form] * dimension + 6
    assert (len(blob) % 2 == 0) is (form is None) and len(blob) <= most
    back = to_vector(blob)
    assert back.dtype == np.float32 and np.linalg.norm(back) == pytest.approx(1, abs=1e-4) and back @ vector > 0.999
    both = to_vectors([blob, vector.tobytes()], dimension)
    assert both.shape == (2, dimension) and np.allclose(both[0], back, atol=1e-6) and np.array_equal(both[1], vector)


def fill(garden: Garden) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.standard_normal((300, 64)).astype(np.float32)
    items = [Memory(f"old thing {n}", id=f"o{n}", created_at=OLD) for n in range(250)]
    items += [Memory(f"new thing {n}", id=f"n{n}") for n in range(50)]
    garden.scope("alice").add_many(items, vectors=vectors, embedder=garden.embedder.name)
    garden.scope("bob").add("old thing", created_at=OLD)


@pytest.mark.parametrize("form", ["float16", "int8"])
def test_the_loss_is_told_first_and_searches_go_by_what_is_kept(open_garden: OPEN, form: Form) -> None:
    """Nothing changes before; then the old vectors alone are narrow, for every process at once."""
    garden, other = open_garden(), open_garden()
    fill(garden)
    query = np.random.default_rng(6).standard_normal(64)

    def ranking(of: Garden) -> list[tuple[str, float]]:
        hits = of.scope("alice").search("x", k=300, mode="dense", vector=query, embedder=of.embedder.name)
        return [(hit.id, hit.score) for hit in hits]

    before = ranking(garden)
    assert ranking(other) == before
    told = garden.narrow(form)
    assert (told.applied, told.chunks) == (False, 251) and told.saved > 251 * 64 and ranking(garden) == before
    assert 0.999 < told.worst <= told.mean <= 1 and 0.9 < told.overlap <= 1
    done = garden.narrow(form, apply=True)
    assert done.chunks == 251 and garden.narrow(form).chunks == 0
    after = ranking(garden)
    assert after == ranking(other) and after != before and dict(after) == pytest.approx(dict(before), abs=0.01)
    assert {id for id, score in after if id[0] == "n"} and all(
        score == dict(before)[id] for id, score in after if id[0] == "n"
    )
    assert garden.health(deep=True).ok and garden.scope("alice").count() == 300


def test_what_is_narrow_is_updated_and_exported_as_ever(garden: Garden, tmp_path: Path) -> None:
    """It is read as any vector is; a memory that changes gets a whole one again."""
    fill(garden)
    garden.narrow("int8", "alice", apply=True)
    alice = garden.scope("alice")
    alice.update("o1", tags=["x"])
    assert alice.search("old thing 1", k=1, where={"tags": "x"})[0].id == "o1"
    garden.export(f"{tmp_path}/all.jsonl")
    assert garden.import_(f"{tmp_path}/all.jsonl").stored == 301
    assert garden.narrow("int8", "bob").chunks == 1 and garden.narrow("int8", "alice").chunks == 250
    with pytest.raises(InvalidSetting, match="float16 or int8"):
        garden.narrow("int4")  # type: ignore[arg-type]
