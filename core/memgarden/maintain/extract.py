"""A summary without a language model: the sentences that stand for the others, and the names and numbers of all.

Sentences are chosen one after another, each for what of the group it is near to that those before it were not (the
facility-location form of submodular summarisation, Lin and Bilmes, ACL 2011, https://aclanthology.org/P11-1052), and
for the names and numbers that it brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from memgarden.records import Floats, Memory, as_told
from memgarden.turns import SENTENCE, said

__all__ = ["Extractive"]

LONG = 400  # characters of a turn from which it is taken apart
FACT = 0.15  # what one new name or number is worth, beside a cosine
NUMBER = re.compile(r"\d[\d.,:/%-]*\d|\d")
NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[^\W\d_a-z][\w'’-]+(?:\s[^\W\d_a-z][\w'’-]+)*")


@dataclass(frozen=True, slots=True)
class Extractive:
    """The default summariser: keeps about `share` of the characters, a line a memory, in order of time.

    `embed` gives the vectors `(n, d)` of texts, L2-normalised.
    """

    embed: Callable[[Sequence[str]], Floats]
    share: float = 0.6

    def __call__(self, memories: Sequence[Memory]) -> str:
        """The text of the summary."""
        ordered = sorted(memories, key=lambda memory: (memory.created_at, memory.id))
        sentences = [
            (place, part.strip()) for place, memory in enumerate(ordered) for part in _units(memory) if part.strip()
        ]
        facts = [_facts(text) for _, text in sentences]
        chosen = self._chosen([text for _, text in sentences], facts)
        lines = []
        for place, memory in enumerate(ordered):
            own = " ".join(text for at, (of, text) in enumerate(sentences) if of == place and at in chosen)
            if own:
                lines.append(f"[{memory.created_at:%Y-%m-%d}] {as_told(memory, own)}")
        told = set().union(*(facts[at] for at in chosen))
        if left := list(dict.fromkeys(fact for own in facts for fact in sorted(own) if fact not in told)):
            lines.append(f"Also: {', '.join(left)}")
        return "\n".join(lines)

    def _chosen(self, sentences: Sequence[str], facts: Sequence[frozenset[str]]) -> set[int]:
        vectors = self.embed(list(sentences))
        likeness = np.maximum(vectors @ vectors.T, 0)
        left = self.share * sum(map(len, sentences))
        covered = np.zeros(len(sentences), dtype=np.float32)
        chosen: set[int] = set()
        told: set[str] = set()
        while True:
            fitting = [at for at in range(len(sentences)) if at not in chosen]
            if left <= 0 or not fitting:
                return chosen
            gains = []
            for at in fitting:
                nearer = np.maximum(likeness[at] - covered, 0).mean()
                gains.append((nearer + FACT * len(facts[at] - told)) / len(sentences[at]) ** 0.5)
            best = fitting[int(np.argmax(gains))]
            chosen.add(best)
            told |= facts[best]
            covered = np.maximum(covered, likeness[best])
            left -= len(sentences[best])


def _units(memory: Memory) -> list[str]:
    """What is kept or left out of a memory as a whole: its sentences, or a turn, with what a picture with it shows."""
    turn = said(memory)
    if turn is None or len(memory.text) > LONG:
        return SENTENCE.split(memory.text)
    return [memory.text + turn.caption]


def _facts(sentence: str) -> frozenset[str]:
    """The numbers of a sentence, and what is written with a capital where nothing else asks for one."""
    return frozenset((*NUMBER.findall(sentence), *NAME.findall(sentence)))
