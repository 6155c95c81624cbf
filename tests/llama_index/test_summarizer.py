"""An LLM writes the summaries of a garden's maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM
from pydantic import PrivateAttr

from llama_index_memgarden import summarizer
from memgarden import Garden, Summarisation
from memgarden.records import utc_now

OLD = utc_now() - timedelta(days=400)
WANTED = Summarisation(similarity=0.0)


class Writer(MockLLM):
    """Says one thing, or raises."""

    _says: str | None = PrivateAttr(default=None)

    def __init__(self, says: str | None) -> None:
        super().__init__()
        self._says = says

    def chat(self, messages: Sequence[ChatMessage], **options: Any) -> ChatResponse:
        assert "island 2" in str(messages[0].content)
        if self._says == "raise":
            raise RuntimeError("overloaded")
        return ChatResponse(message=ChatMessage(role="assistant", content=self._says))


def fill(garden: Garden) -> None:
    for number in range(3):
        garden.scope("alice").add(f"We sailed to island {number}.", created_at=OLD + timedelta(seconds=number))


def test_the_words_of_the_llm_are_the_summary(garden: Garden) -> None:
    """Which opens to what it tells."""
    fill(garden)
    garden.apply(garden.plan(WANTED), summarizer=summarizer(Writer(says="Three islands were sailed to.")))
    (summary,) = garden.scope("alice").list()
    assert summary.text == "Three islands were sailed to." and len(garden.scope("alice").originals(summary.id)) == 3


@pytest.mark.parametrize("says", [None, "", "raise"])
def test_an_llm_that_says_nothing_or_fails_loses_nothing(garden: Garden, says: str | None) -> None:
    """The memories stay, and the report says why."""
    fill(garden)
    done = garden.apply(garden.plan(WANTED), summarizer=summarizer(Writer(says=says)))
    assert len(done.failed) == 3 and garden.scope("alice").count() == 3 and garden.archives() == []
