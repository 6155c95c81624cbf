"""What an evaluation asks: questions with what answers them, and the memories that hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from memgarden.errors import InvalidDataset
from memgarden.records import Memory, ScopePath

__all__ = ["Dataset", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the scope it is asked of, and the grade (1 or more) of each memory there that answers it, by id."""

    id: str
    text: str
    scope: ScopePath
    relevant: Mapping[str, int]
    category: str | None = None

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise InvalidDataset(f"the question {self.id!r} has no text")
        if not self.relevant or min(self.relevant.values()) < 1:
            raise InvalidDataset(f"the question {self.id!r} needs a memory that answers it, with a grade of 1 or more")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Questions, and the memories of each scope in the order in which they were said.

    Without memories the questions are asked of a garden that is there. `notes` say what of the source was left out or
    cannot be found.
    """

    name: str
    questions: tuple[Question, ...]
    memories: Mapping[ScopePath, Sequence[Memory]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.questions:
            raise InvalidDataset(f"{self.name} has no question that a memory answers: there is nothing to measure")
        if len({question.id for question in self.questions}) < len(self.questions):
            raise InvalidDataset(f"{self.name} has two questions of one id: give each its own")

    @property
    def categories(self) -> tuple[str, ...]:
        """The questions' categories, by name."""
        return tuple(sorted({one.category for one in self.questions if one.category is not None}))

    @property
    def asked(self) -> dict[ScopePath, list[Question]]:
        """The questions of each scope that is asked, in their order."""
        scopes: dict[ScopePath, list[Question]] = {}
        for one in self.questions:
            scopes.setdefault(one.scope, []).append(one)
        return scopes
