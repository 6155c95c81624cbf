"""A LlamaIndex LLM as the summariser of a garden's maintenance."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.llms import LLM, ChatMessage

from memgarden import Memory, Summarizer, summary_prompt

__all__ = ["summarizer"]


def summarizer(llm: LLM) -> Summarizer:
    """What `Garden.apply` and `Garden.maintain` take as `summarizer=`: asks the LLM once for each group of memories.

    Where the LLM raises or says nothing, the memories stay as they are, and the report says so.
    """

    def summarize(memories: Sequence[Memory]) -> str:
        return llm.chat([ChatMessage(summary_prompt(memories))]).message.content or ""

    return summarize
