"""What `memgarden demo` does and measures; `demo` shows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from memgarden.demo import DemoUser, Question
from memgarden.garden import Garden
from memgarden.ingest.readers import read
from memgarden.records import Hit
from memgarden.scope import Scope

__all__ = ["DEPTH", "Asked", "Imported", "ask", "load_users", "with_langchain", "with_llama_index"]

DEPTH = 5
"""How far down the list the expected answer is looked for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Imported:
    """A user's import: memories, the seconds it took, and of them those that went into embedding."""

    user: DemoUser
    memories: int
    embedding: float
    storing: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: its hits, the rank of the expected words (None: not among them), and seconds.

    `seconds` is all of the search; `known` is the same search again with the query's embedding at hand.
    """

    question: Question
    hits: list[Hit]
    rank: int | None
    seconds: float
    known: float


def load_users(garden: Garden, users: tuple[DemoUser, ...], told: Callable[[str], None]) -> list[Imported]:
    """Import each user into a scope of their own. `told` hears what is going on.

    Texts are embedded first and stored second (their vectors then come from the garden's cache), so that each can be
    timed. What is longer than the model reads is cut when it is stored, and the pieces are embedded then.
    """
    done = []
    for user in users:
        told(f"embedding what {user.label} remembers")
        memories = list(read(user.path, user.kind, lambda _: None))
        embedding = 0.0
        if user.kind == "chat":
            _, embedding = _timed(partial(garden.embedder.embed, [one.text for one in memories]))
        _, storing = _timed(partial(garden.scope(user.label).add_many, memories))
        done.append(Imported(user, len(memories), embedding, storing))
    return done


def ask(garden: Garden, scope: Scope, question: Question) -> Asked:
    """Ask, and look for the expected words in what was found."""
    hits, seconds = _timed(lambda: scope.search(question.text, k=DEPTH))
    vector = garden.embedder.embed([question.text], query=True)[0]
    name = garden.embedder.name
    _, known = _timed(lambda: scope.search(question.text, k=DEPTH, vector=vector, embedder=name))
    rank = next((rank for rank, hit in enumerate(hits, 1) if question.expect in hit.text), None)
    return Asked(question, hits, rank, seconds, known)


def with_langchain(scope: Scope, question: str) -> list[str]:
    """The same scope through LangChain; `MissingExtra` without it."""
    from langchain_memgarden import MemGardenRetriever

    return [document.page_content for document in MemGardenRetriever(scope=scope, k=2).invoke(question)]


def with_llama_index(scope: Scope, question: str) -> list[str]:
    """The same scope through LlamaIndex; `MissingExtra` without it."""
    from llama_index_memgarden import MemGardenRetriever

    return [found.node.get_content() for found in MemGardenRetriever(scope, similarity_top_k=2).retrieve(question)]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began
