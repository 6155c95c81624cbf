"""The data that ships for a first look: a chat, a company's documents, and questions with what answers them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

__all__ = ["USERS", "DemoUser", "Question"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a user's memories, and words that its answer holds."""

    text: str
    expect: str


@dataclass(frozen=True, slots=True)
class DemoUser:
    """One of the demo's users: what they remember, and how `memgarden.ingest.readers.read` reads it."""

    label: str
    path: Path
    kind: str

    @property
    def questions(self) -> list[Question]:
        """Ten questions, in the order of the file."""
        part = "chat" if self.kind == "chat" else "documents"
        everything = json.loads((FOLDER / "questions.json").read_text(encoding="utf-8"))
        return [Question(item["question"], item["expect"]) for item in everything[part]]


USERS = (
    DemoUser("maya", FOLDER / "chat.jsonl", "chat"),
    DemoUser("harrow-finch", FOLDER / "documents", "folder"),
)
