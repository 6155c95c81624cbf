"""What mem0 stored, in Chroma or in Qdrant's files, comes to the users whose it is, and to nobody else."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mem0.vector_stores.chroma import ChromaDB
from mem0.vector_stores.qdrant import Qdrant
from qdrant_client.models import PointStruct, SparseVector

from memgarden import ChromaError, Garden, MissingExtra, StorageError
from tests.moving.conftest import everything

STORES = ["chroma", "qdrant"]
TIME = "2024-05-01T12:30:00.123456+02:00"
Payload = dict[str, Any]


def key(n: int) -> str:
    return str(uuid.UUID(int=n))


def write(store: str, folder: Path, payloads: Sequence[Payload], vectors: Any, collection: str = "mem0") -> None:
    """What mem0's own class for the store does with memories."""
    ids = [key(n) for n in range(len(payloads))]
    given = [list(map(float, vector)) for vector in vectors]
    if store == "chroma":
        chroma = ChromaDB(collection, path=str(folder))
        chroma.insert(given, list(payloads), ids)
        chroma.client.close()
        return
    qdrant = Qdrant(collection, len(given[0]), path=str(folder))
    qdrant.insert(given, list(payloads), ids)
    qdrant.client.close()


def payload(text: str, user: object = None, **more: object) -> Payload:
    owner = {} if user is None else {"user_id": user}
    return {"data": text, "hash": "h", "text_lemmatized": text, "created_at": TIME, "updated_at": TIME} | owner | more


@pytest.mark.parametrize("store", STORES)
def test_each_record_goes_to_its_user(garden: Garden, tmp_path: Path, store: str) -> None:
    """With its id, its time and its vector; agent, run and whatever else was said stay in the metadata."""
    payloads = [
        payload("tea grows in Uji", "alice", agent_id="a1", run_id="r1", topic="tea"),
        payload("boats in Porto", "bob", role="user", actor_id="bob"),
        payload("nobody's", None, agent_id="a1"),
        payload("until the end of the day", "bob", expiration_date=str(datetime.now(UTC).date())),
        payload("no more", "bob", expiration_date="2020-01-01"),
        payload("at no time", "bob", created_at="yesterday"),
        {"user_id": "bob", "created_at": TIME},
    ]
    texts = [each.get("data", "x") for each in payloads]
    write(store, tmp_path / "m", payloads, garden.embedder.embed(texts))
    seen: list[int] = []
    done = garden.adopt_mem0(tmp_path / "m", progress=seen.append)
    assert (done.adopted, done.kept_vectors, seen) == (3, True, [3])
    assert {one: reason.split(":")[0].split(",")[0] for one, reason in done.refused.items()} == {
        key(2): "it has no user_id",
        key(4): "it expired with 2020-01-01",
        key(5): "its created_at is 'yesterday'",
        key(6): "it has no text under 'data'",
    }
    assert garden.scopes() == {("alice",): 1, ("bob",): 2}
    [tea] = garden.scope("alice").list()
    assert (tea.id, tea.text, tea.created_at) == (key(0), "tea grows in Uji", datetime.fromisoformat(TIME))
    assert tea.metadata == {"agent_id": "a1", "run_id": "r1", "topic": "tea", "updated_at": TIME}
    today = garden.scope("bob").get(key(3))
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(1)
    assert today is not None and today.expires_at == midnight
    hit = garden.scope("bob").search("boats in Porto", mode="dense", k=1)[0]
    assert hit.id == key(1) and hit.score == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("store", STORES)
def test_below_a_scope_users_stay_apart(garden: Garden, tmp_path: Path, store: str) -> None:
    """What is nobody's goes to the scope itself."""
    payloads = [payload("alice's", "alice"), payload("bob's", "bob"), payload("nobody's")]
    write(store, tmp_path / "m", payloads, garden.embedder.embed(["alice's", "bob's", "nobody's"]))
    done = garden.adopt_mem0(tmp_path / "m", scope="acme")
    assert (done.adopted, done.refused) == (3, {})
    assert garden.scopes() == {("acme",): 1, ("acme", "alice"): 1, ("acme", "bob"): 1}
    assert garden.scope("acme").list()[0].text == "nobody's"


ODD = ["a/b", "a~1b", "a", "", "  ", "ü", "u\u0308", "x" * 512, "x" * 513, "ALICE", "alice", "alice ", "a\0", 5, True]


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("scope", [None, "acme"])
def test_odd_users_stay_apart(garden: Garden, tmp_path: Path, store: str, scope: str | None) -> None:
    """Users whose names look alike are two; what can be the name of no scope is refused, with the reason."""
    texts = [f"of number {n}" for n in range(len(ODD))]
    payloads = [payload(text, user) for text, user in zip(texts, ODD, strict=True)]
    write(store, tmp_path / "m", payloads, garden.embedder.embed(texts))
    done = garden.adopt_mem0(tmp_path / "m", scope=scope)
    bad = {n for n, user in enumerate(ODD) if user in ("", "  ", "x" * 513, "a\0") or not isinstance(user, str)}
    assert set(done.refused) == {key(n) for n in bad} and all("scope's label" in why for why in done.refused.values())
    prefix = () if scope is None else (scope,)
    expected = {(*prefix, str(user)): f"of number {n}" for n, user in enumerate(ODD) if n not in bad}
    found = everything(garden)
    assert {path: [memory.text for memory in held] for path, held in found.items()} == {
        path: [text] for path, text in expected.items()
    }


@pytest.mark.parametrize("store", STORES)
def test_adopting_again_changes_nothing(garden: Garden, tmp_path: Path, store: str) -> None:
    """Records without a time keep the one they got; vectors of another model are embedded anew."""
    payloads = [payload(f"note {n}", f"user {n % 3}") for n in range(20)]
    for each in payloads[:5]:
        del each["created_at"]
    write(store, tmp_path / "m", payloads, [[1.0, float(n), 0.0] for n in range(20)])
    done = garden.adopt_mem0(tmp_path / "m")
    assert done.adopted == 20 and not done.kept_vectors and "3 dimensions" in done.note
    before = {path: garden.scope(*path).list(order="id") for path in garden.scopes()}
    assert garden.adopt_mem0(tmp_path / "m").adopted == 20
    assert before == {path: garden.scope(*path).list(order="id") for path in garden.scopes()}
    assert garden.scope("user 1").search("note 7", mode="dense", k=1)[0].text == "note 7"


def test_qdrant_ids_that_are_numbers_are_ids(garden: Garden, tmp_path: Path) -> None:
    """And records that hold nothing but a payload's text are embedded."""
    store = Qdrant("mem0", 64, path=str(tmp_path / "m"))
    store.insert([[1.0] * 64, [0.0] * 64], [payload("one", "u"), payload("two", "u")], [7, 8])
    store.client.close()
    assert garden.adopt_mem0(str(tmp_path / "m")).adopted == 2
    assert [memory.id for memory in garden.scope("u").list(order="id")] == ["7", "8"]


def test_vectors_beside_sparse_ones_are_kept(garden: Garden, tmp_path: Path) -> None:
    """As mem0 writes them where it can search for words too."""
    store = Qdrant("mem0", 64, path=str(tmp_path / "m"))
    sparse = SparseVector(indices=[1], values=[1.0])
    vector = {"": garden.embedder.embed(["one"])[0].tolist(), "bm25": sparse}
    store.client.upsert("mem0", [PointStruct(id=key(1), vector=vector, payload=payload("one", "u"))])
    store.client.close()
    done = garden.adopt_mem0(tmp_path / "m")
    assert done.adopted == 1 and done.kept_vectors


def test_a_store_that_is_not_there_is_said_to_be(garden: Garden, tmp_path: Path) -> None:
    """And nothing is made in its place."""
    with pytest.raises(StorageError, match="holds no store of mem0's"):
        garden.adopt_mem0(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    for store in STORES:
        write(store, tmp_path / store, [payload("x", "u")], [[1.0] * 64])
    with pytest.raises(ChromaError, match="no collection 'memo': there are mem0"):
        garden.adopt_mem0(tmp_path / "chroma", "memo")
    with pytest.raises(StorageError, match="no collection 'memo': there are mem0"):
        garden.adopt_mem0(tmp_path / "qdrant", "memo")
    assert garden.adopt_mem0(tmp_path / "qdrant").adopted == 1, "the folder is free after a refusal"
    (tmp_path / "qdrant" / "meta.json").write_text("{")
    with pytest.raises(StorageError, match="mem0 itself can read it"):
        garden.adopt_mem0(tmp_path / "qdrant")


def test_qdrants_files_that_somebody_has_open_are_refused(garden: Garden, tmp_path: Path) -> None:
    """With the reason, and free once they are closed."""
    write("qdrant", tmp_path / "m", [payload("x", "u")], [[1.0] * 64])
    store = Qdrant("mem0", 64, path=str(tmp_path / "m"))
    with pytest.raises(StorageError, match="end the process that has it open"):
        garden.adopt_mem0(tmp_path / "m")
    store.client.close()
    assert garden.adopt_mem0(tmp_path / "m").adopted == 1


def test_without_qdrants_client_the_extra_is_named(
    garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma's stores need none."""
    for store in STORES:
        write(store, tmp_path / store, [payload("x", "u")], [[1.0] * 64])
    real = __import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "qdrant_client":
            raise ModuleNotFoundError("No module named 'qdrant_client'", name="qdrant_client")
        return real(name, *rest)

    monkeypatch.setattr("builtins.__import__", absent)
    with pytest.raises(MissingExtra, match="pip install qdrant-client"):
        garden.adopt_mem0(tmp_path / "qdrant")
    assert garden.adopt_mem0(tmp_path / "chroma").adopted == 1
