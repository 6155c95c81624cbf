"""The middle steps of the write path: a memory is chunked, its chunks are embedded and analysed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from memgarden.errors import EmbedderMismatch
from memgarden.ingest.validate import check_vectors, to_unit
from memgarden.protocols import Cutter, Embedder, Languages, Span
from memgarden.records import POSTING, RECORD, Chunk, Entry, Floats, Memory
from memgarden.turns import SUMMARY, Said, Signals, hash_name, said, told

__all__ = ["Before", "Preparer"]

Before = Callable[[int, Memory], Memory | None]
"""The turn of a session, by its hash, that was said last before a memory."""


@dataclass(frozen=True, slots=True)
class Preparer:
    """Makes memories ready to be written: what the record and every index need is computed here, once."""

    embedder: Embedder
    languages: Languages
    cutter: Cutter
    signals: Signals = field(default_factory=Signals)

    def entries(
        self,
        memories: Sequence[Memory],
        before: Before,
        vectors: npt.ArrayLike | None = None,
        embedder: str | None = None,
    ) -> list[Entry]:
        """One entry a memory. `vectors` `(n, d)` of the whole texts by `embedder` make each memory one chunk.

        A turn of a conversation is embedded together with the one before it, which may be stored already.
        """
        searched = [n for n, memory in enumerate(memories) if memory.kind != RECORD]
        if len(searched) < len(memories):
            given = None if vectors is None else np.asarray(vectors)[searched]
            made = iter(self.entries([memories[n] for n in searched], before, given, embedder) if searched else ())
            return [self._record(memory) if memory.kind == RECORD else next(made) for memory in memories]
        earlier = self._earlier(memories, before) if vectors is None else [None] * len(memories)
        return self._made(memories, earlier, vectors, embedder)

    def following(self, memories: Sequence[Memory], earlier: Sequence[Memory | None]) -> list[Entry]:
        """One entry a memory, of any scopes: each is embedded with the turn in `earlier` that was said before it."""
        return self._made(memories, earlier, None, None)

    def _made(
        self,
        memories: Sequence[Memory],
        earlier: Sequence[Memory | None],
        vectors: npt.ArrayLike | None,
        embedder: str | None,
    ) -> list[Entry]:
        turns = [said(memory) for memory in memories]
        spans: list[Sequence[Span]]
        if vectors is None:
            spans = [self.cutter.cut(memory.text, memory.kind) for memory in memories]
        else:
            spans = [((0, len(memory.text)),) for memory in memories]
        texts = [self._read(memory, turn, own) for memory, turn, own in zip(memories, turns, spans, strict=True)]
        if vectors is None:
            embedded = self._embed(turns, [_bare(*each) for each in zip(memories, texts, strict=True)], earlier)
        else:
            name, dimension = self.embedder.name, self.embedder.dimension
            embedded = check_vectors(vectors, len(memories), embedder=embedder, name=name, dimension=dimension)
        rows = iter(embedded)
        languages = self.languages.detect([memory.text for memory in memories])
        return [
            Entry(
                memory,
                [self._chunk(memory, turn, at, text, next(rows), code) for at, text in zip(own, read, strict=True)],
            )
            for memory, turn, own, read, code in zip(memories, turns, spans, texts, languages, strict=True)
        ]

    def changed(self, memory: Memory, chunks: Sequence[Chunk]) -> Entry:
        """The entry of a memory whose text stayed the same: vectors, perhaps a caller's, and languages stay."""
        if memory.kind == RECORD:
            return self._record(memory)
        turn = said(memory)
        spans = [(chunk.start, chunk.end) for chunk in chunks]
        read = self._read(memory, turn, spans)
        pieces = zip(spans, read, chunks, strict=True)
        return Entry(
            memory,
            [self._chunk(memory, turn, span, text, chunk.vector, chunk.language) for span, text, chunk in pieces],
        )

    def restored(self, memory: Memory, spans: Sequence[Span], vectors: Floats) -> Entry:
        """The entry of a memory that was written down with its chunks and their vectors `(n, d)`, L2-normalised."""
        if memory.kind == RECORD:
            return self._record(memory)
        turn = said(memory)
        (language,) = self.languages.detect([memory.text])
        pieces = zip(spans, self._read(memory, turn, spans), vectors, strict=True)
        return Entry(memory, [self._chunk(memory, turn, span, text, vector, language) for span, text, vector in pieces])

    def _record(self, memory: Memory) -> Entry:
        """A memory that no search finds: one chunk of nothing, with a vector for whoever needs there to be one."""
        vector = np.zeros(self.embedder.dimension, np.float32)
        vector[0] = 1
        return Entry(memory, [Chunk(0, 0, vector, np.empty(0, POSTING), 0)])

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Floats:
        """Vectors `(n, d)` of texts by the garden's embedder, checked: it may be anybody's."""
        embedded = np.asarray(self.embedder.embed(texts, query=query), dtype=np.float32)
        wanted = (len(texts), self.embedder.dimension)
        if embedded.shape != wanted:
            raise EmbedderMismatch(f"the embedder {self.embedder.name!r} gave {embedded.shape} where {wanted} was due")
        return to_unit(embedded, f"the embedder {self.embedder.name!r} made it; mend the embedder")

    def _earlier(self, memories: Sequence[Memory], before: Before) -> list[Memory | None]:
        """For each turn the one before it in its session, among these memories or stored; None for what is no turn."""
        latest: dict[int, Memory] = {}
        earlier: list[Memory | None] = []
        for memory in memories:
            turn = said(memory) if self.signals.window else None
            if turn is None:
                earlier.append(None)
                continue
            session = hash_name(turn.session)
            earlier.append(latest.get(session) or before(session, memory))
            latest[session] = memory
        return earlier

    def _embed(
        self, turns: Sequence[Said | None], pieces: Sequence[Sequence[str]], earlier: Sequence[Memory | None]
    ) -> Floats:
        texts: list[str] = []
        windows: list[str] = []
        places: list[int] = []
        for turn, own, previous in zip(turns, pieces, earlier, strict=True):
            if turn is None:
                texts += own
                continue
            lines = [self._fitting(turn.line(piece), piece) for piece in own]
            last = said(previous) if previous is not None else None
            if previous is not None and last is not None and self.signals.window:
                places.append(len(texts))
                windows.append(self._window(last.line(previous.text), lines[0]))
            texts += lines
        vectors = self.embed(texts + windows)
        alone, joint = vectors[: len(texts)], vectors[len(texts) :]
        if not places:
            return alone
        mixed = alone.copy()
        mixed[places] = (1 - self.signals.window) * alone[places] + self.signals.window * joint
        return to_unit(mixed, "a turn and its window cancel out; set the signal `window` to 0")

    def _read(self, memory: Memory, turn: Said | None, spans: Sequence[Span]) -> Sequence[str]:
        """What is embedded and indexed of each span; a turn has no title but its speaker and date."""
        title = memory.metadata.get("title") if turn is None else None
        return self.cutter.read(memory.text, memory.kind, spans, title.strip() if isinstance(title, str) else "")

    def _fitting(self, line: str, piece: str) -> str:
        """The line with who said it, or the bare piece where the embedder would not read all of the line."""
        return line if self._fits(line) else piece

    def _window(self, earlier: str, line: str) -> str:
        """As much of the end of the earlier turn as the embedder reads before this one."""
        while earlier and not self._fits(f"{earlier}\n{line}"):
            earlier = earlier[len(earlier) // 2 + 1 :]
        return f"{earlier}\n{line}"

    def _fits(self, text: str) -> bool:
        size, count = self.embedder.window()
        return len(text) <= size or count(text) <= size  # a token is at least one character

    def _chunk(self, memory: Memory, turn: Said | None, span: Span, text: str, vector: Floats, language: int) -> Chunk:
        """`text` is what of the span is embedded and indexed, its headings included."""
        start, end = span
        analyzer = self.languages.analyzer(language)
        line = told(memory, text) if turn is None else (turn, text)
        if line is None:
            postings, length = analyzer.index(text)
            return Chunk(start, end, vector, postings, length, language=language)
        turn, words = line
        postings, length = analyzer.index(turn.dated(words) if self.signals.heading else words)
        return Chunk(start, end, vector, postings, length, turn.turn(words, analyzer), language)


def _bare(memory: Memory, pieces: Sequence[str]) -> Sequence[str]:
    """What is embedded: of the lines of a summary, as of turns, who said what and not on which day."""
    if memory.kind != SUMMARY:
        return pieces
    lines = [told(memory, piece) for piece in pieces]
    return [piece if line is None else line[0].line(line[1]) for piece, line in zip(pieces, lines, strict=True)]
