"""The LangChain retriever gives what the scope's search gives, as Documents, and takes a call's own options."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from pydantic import ValidationError

from langchain_memgarden import MemGardenRetriever
from memgarden import Garden, InvalidQuery, InvalidScope, Scope, shared_garden
from memgarden.embed.hashing import HashingEmbedder


@pytest.fixture
def scope(garden: Garden) -> Scope:
    """A user with five memories about tea, odd ones tagged; another user has one."""
    alice = garden.scope("alice")
    for n in range(5):
        alice.add(f"tea number {n}", id=f"t{n}", metadata={"n": n, "odd": n % 2 == 1}, kind="note" if n else "first")
    garden.scope("bob").add("tea of bob")
    return alice


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_documents_are_the_hits(scope: Scope) -> None:
    """Ids, texts, order and metadata are the search's; nothing is added to the metadata unless asked."""
    hits = scope.search("tea number 3", k=4)
    documents = MemGardenRetriever(scope=scope).invoke("tea number 3")
    assert ids(documents) == [hit.id for hit in hits]
    assert [document.page_content for document in documents] == [hit.text for hit in hits]
    assert [document.metadata for document in documents] == [hit.memory.metadata for hit in hits]
    scored = MemGardenRetriever(scope=scope, with_scores=True).invoke("tea number 3")
    assert [document.metadata["memgarden_score"] for document in scored] == [hit.score for hit in hits]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_call_has_its_own_options(scope: Scope, asynchronous: bool) -> None:
    """k, where, mode and alpha of one call are honoured, alpha 0 too; those that do not exist are refused."""
    retriever = MemGardenRetriever(scope=scope, k=2)

    def ask(**options: Any) -> list[Document]:
        if asynchronous:
            return asyncio.run(retriever.ainvoke("tea number 3", **options))
        return retriever.invoke("tea number 3", **options)

    assert len(ask()) == 2
    assert len(ask(k=1)) == 1
    assert len(ask(k=100)) == 5
    assert ids(ask(filter={"n": 4})) == ["t4"]
    assert ids(ask(mode="lexical", k=5)) == [hit.id for hit in scope.search("tea number 3", mode="lexical", k=5)]
    assert ids(ask(alpha=0, k=5)) == [hit.id for hit in scope.search("tea number 3", alpha=0, k=5)]
    with pytest.raises(TypeError, match="top"):
        ask(top=3)
    with pytest.raises(InvalidQuery):
        ask(k=0)


def test_a_calls_filter_narrows_the_retrievers(scope: Scope) -> None:
    """Both filters hold, so that a caller cannot see more than the retriever was made for."""
    retriever = MemGardenRetriever(scope=scope, k=10, filter={"odd": True})
    assert sorted(map(str, ids(retriever.invoke("tea")))) == ["t1", "t3"]
    assert ids(retriever.invoke("tea", filter={"n": {"$gt": 1}})) == ["t3"]
    assert retriever.invoke("tea", filter={"odd": False}) == []


def test_it_never_blocks_the_loop(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ainvoke` searches in a thread: LangGraph refuses blocking calls on its loop."""
    threads = []
    search = Scope.search
    monkeypatch.setattr(Scope, "search", lambda *a, **k: threads.append(threading.current_thread()) or search(*a, **k))
    asyncio.run(MemGardenRetriever(scope=scope).ainvoke("tea"))
    assert threading.main_thread() not in threads and len(threads) == 1


def test_it_is_a_runnable(scope: Scope) -> None:
    """It composes, batches, and binds options like any retriever."""
    retriever = MemGardenRetriever(scope=scope)
    chain = retriever | RunnableLambda(lambda documents: documents[0].id)
    assert chain.batch(["tea number 1", "tea number 4"]) == ["t1", "t4"]
    assert len(retriever.bind(k=1).invoke("tea")) == 1


def test_traces_say_where_documents_come_from(scope: Scope) -> None:
    """LangSmith's parameters name the retriever."""
    seen: dict[str, Any] = {}

    class Handler(BaseCallbackHandler):
        def on_retriever_start(self, *args: Any, metadata: Any = None, **kwargs: Any) -> None:
            seen.update(metadata)

    MemGardenRetriever(scope=scope).invoke("tea", config={"callbacks": [Handler()]})
    assert (seen["ls_retriever_name"], seen["ls_vector_store_provider"]) == ("memgarden", "memgarden")


def test_only_a_scope_will_do(garden: Garden) -> None:
    """Something else than a scope, a garden say, is refused when the retriever is made."""
    with pytest.raises(ValidationError):
        MemGardenRetriever(scope=garden)  # type: ignore[arg-type]


def test_a_call_names_its_user(garden: Garden) -> None:
    """By keyword or by the config's `configurable`; without one it is an error, whoever the memories are of."""
    garden.scope("alice").add("tea of alice", id="a")
    garden.scope("acme", "bob").add("tea of bob", id="b")
    retriever = MemGardenRetriever(garden=garden)
    assert ids(retriever.invoke("tea", user="alice")) == ["a"]
    assert ids(retriever.invoke("tea", user=("acme", "bob"))) == ["b"]
    assert ids(retriever.invoke("tea", {"configurable": {"user_id": "alice"}})) == ["a"]
    assert ids(asyncio.run(retriever.ainvoke("tea", {"configurable": {"user_id": "alice"}}))) == ["a"]
    chain = RunnableLambda(lambda question: question) | retriever
    assert ids(chain.invoke("tea", {"configurable": {"user_id": "alice"}})) == ["a"]
    with pytest.raises(InvalidScope, match="whose memories"):
        retriever.invoke("tea")
    with pytest.raises(InvalidScope, match="whose memories"):
        retriever.invoke("tea", {"configurable": {"user_id": ""}})


def test_a_retriever_of_a_user_is_that_users_alone(garden: Garden) -> None:
    """A call that names another is refused, and what a config says, which a client may have sent, is not heeded."""
    garden.scope("alice").add("tea of alice", id="a")
    garden.scope("bob").add("tea of bob", id="b")
    for retriever in (
        MemGardenRetriever(garden=garden, user="alice"),
        MemGardenRetriever(scope=garden.scope("alice")),
    ):
        assert ids(retriever.invoke("tea", {"configurable": {"user_id": "bob"}})) == ["a"]
        assert ids(retriever.invoke("tea", user="alice")) == ["a"]
        with pytest.raises(InvalidScope, match="nobody else's"):
            retriever.invoke("tea", user="bob")


def test_an_address_will_do(tmp_path: Path) -> None:
    """A folder stands for the garden that the process shares there."""
    garden = shared_garden(tmp_path / "g", embedder=HashingEmbedder(64))
    garden.scope("alice").add("tea", id="a")
    assert ids(MemGardenRetriever(garden=tmp_path / "g", user="alice").invoke("tea")) == ["a"]
    assert ids(MemGardenRetriever(garden=str(tmp_path / "g"), user="alice").invoke("tea")) == ["a"]
    garden.close()


def test_what_it_is_made_of_is_checked(garden: Garden) -> None:
    """Unknown fields, both places or none, a scope with a user."""
    scope = garden.scope("alice")
    for fields in ({"scope": scope, "top_k": 3}, {}, {"scope": scope, "garden": garden}, {"scope": scope, "user": "b"}):
        with pytest.raises(ValidationError):
            MemGardenRetriever(**fields)  # type: ignore[arg-type]


def test_turns_around_a_hit_come_with_it(garden: Garden) -> None:
    """With who said them, in order; the turn itself alone otherwise."""
    scope = garden.scope("alice")
    scope.add_conversation(
        [
            {"name": "Ann", "content": "Where did you go?"},
            {"name": "Ben", "content": "To Lisbon, by train."},
            {"name": "Ann", "content": "How nice!"},
        ],
        session_id="s",
    )
    retriever = MemGardenRetriever(scope=scope, k=1)
    assert retriever.invoke("Lisbon train")[0].page_content == "To Lisbon, by train."
    around = retriever.invoke("Lisbon train", context=1)[0].page_content
    assert around == "Ann: Where did you go?\nBen: To Lisbon, by train.\nAnn: How nice!"


def test_scores_and_reasons_on_request(scope: Scope) -> None:
    """`explain` says what each leg did."""
    (found,) = MemGardenRetriever(scope=scope, k=1, explain=True, with_scores=True).invoke("tea number 3")
    assert "lexical" in found.metadata["memgarden_explanation"]
    assert found.metadata["memgarden_score"] == scope.search("tea number 3", k=1)[0].score


def test_every_option_reaches_the_search(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the retriever and of the call, the call's before the retriever's."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(Scope, "search", lambda self, query, **options: seen.update(options) or [])
    since, until = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    wanted: dict[str, Any] = {
        "k": 7,
        "mode": "lexical",
        "alpha": 0.25,
        "reranker": "mmr",
        "min_score": 0.5,
        "min_relevance": 0.25,
        "since": since,
        "until": until,
        "context": 2,
        "phrases": False,
        "times": False,
        "now": until,
    }
    MemGardenRetriever(scope=scope, **wanted).invoke("q")
    assert seen.items() >= wanted.items()
    seen.clear()
    MemGardenRetriever(scope=scope, k=3, mode="dense").invoke("q", **wanted)
    assert seen.items() >= wanted.items()


def test_a_user_is_a_name_or_a_path(garden: Garden) -> None:
    """Of strings: a number or a mapping is refused, and how to write it is said."""
    for wrong in (42, {"alice": 1}, ("a", 1)):
        with pytest.raises(InvalidScope, match="user="):
            MemGardenRetriever(garden=garden).invoke("tea", user=wrong)
