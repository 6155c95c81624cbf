"""A LangChain chat model as the summariser of a garden's maintenance."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage

from memgarden import Memory, Summarizer, summary_prompt

__all__ = ["summarizer"]


def summarizer(model: BaseChatModel) -> Summarizer:
    """What `Garden.apply` and `Garden.maintain` take as `summarizer=`: asks the model once for each group of memories.

    Where the model raises or says nothing, the memories stay as they are, and the report says so.
    """

    def summarize(memories: Sequence[Memory]) -> str:
        return model.invoke([HumanMessage(summary_prompt(memories))]).text

    return summarize
