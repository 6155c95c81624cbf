"""Long texts in a garden: chosen by kind, by setting or by what they are; every word is found, every chunk known."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from memgarden import ChunkInfo, Garden, InvalidSetting, MemoryNotFound, Scope, UnknownStrategy
from memgarden.chunk import CHUNKERS

WORDS = 100_000
TURNS = "".join(f"{('Ann', 'Ben')[n % 2]}: turn {n} says a word or two.\n" for n in range(120))
SOURCE = "".join(f"def f{n}(x):\n    y = x + {n}\n    return y\n\n\n" for n in range(80))
MARKDOWN = "# Guide\n\n" + "".join(
    f"## Part {n}\n\n{'Some words of it. ' * 30}\n\n```\ncode({n})\n```\n\n" for n in range(8)
)
PROSE = "\n\n".join(f"Paragraph {n} tells of a garden. " * 12 for n in range(12))


def book(kind: str) -> tuple[str, list[str]]:
    """A text of 100,000 words in the form of a kind, and some words that it has once."""
    rng = random.Random(7)
    common = [f"word{n}" for n in range(500)]
    words = rng.choices(common, k=WORDS)
    rare = [f"zyx{n}qv" for n in range(40)]
    for place, word in zip(rng.sample(range(WORDS), len(rare)), rare, strict=True):
        words[place] = word
    sentences = [" ".join(words[n : n + 20]) for n in range(0, WORDS, 20)]
    lead = {
        "code": lambda n: f"\n\ndef f{n}():\n    " if n % 7 == 0 else "\n    ",
        "conversation": lambda n: f"\n{('Ann', 'Ben')[n % 2]}: " if n % 3 == 0 else " ",
        "technical": lambda n: f"\n\n## Part {n}\n\n" if n % 20 == 0 else "\n```\n" if n % 20 in (7, 9) else " ",
    }.get(kind, lambda n: "\n\n" if n % 9 == 0 else " ")
    return "".join(f"{lead(n)}{sentence}." for n, sentence in enumerate(sentences)), rare


@pytest.mark.parametrize("kind", sorted(CHUNKERS))
def test_every_word_of_a_book_is_found(kind: str, garden: Garden) -> None:
    """All of 100,000 words lie whole in a chunk that the embedder reads whole; a rare one finds the chunk it is in."""
    text, rare = book(kind)
    scope = garden.scope("alice")
    scope.add(text, id="book", kind=kind)
    chunks = scope.chunks("book")
    size, count = garden.embedder.window()
    assert len(chunks) > WORDS // size and max(count(chunk.text) for chunk in chunks) <= size
    held = [(chunk.start, chunk.end) for chunk in chunks]
    place = 0
    for word in re.finditer(r"\w+", text):
        while held[place][1] < word.end():
            place += 1
        assert held[place][0] <= word.start()
    for word in rare:
        (hit,) = scope.search(word, k=1)
        assert word in hit.text
        assert scope.chunk_of(hit).text == hit.text


def spans(scope: Scope, id: str) -> list[tuple[int, int]]:
    """Where the chunks of a memory lie."""
    return [(chunk.start, chunk.end) for chunk in scope.chunks(id)]


@pytest.mark.parametrize(
    ("name", "text"),
    [("conversation", TURNS), ("code", SOURCE), ("technical", MARKDOWN), ("prose", PROSE)],
)
def test_a_text_is_cut_by_what_it_is_unless_its_kind_or_the_garden_says_it(
    open_garden: Callable[..., Garden], name: str, text: str
) -> None:
    """The kind of a memory goes before the garden's setting, which goes before what the text looks like."""
    cut: dict[tuple[str, str], Sequence[tuple[int, int]]] = {}
    for setting in ("auto", "plain", name):
        garden = open_garden(chunker=setting, chunk_size=100)
        for kind in ("note", "plain", name):
            garden.scope("alice").add(text, id="x", kind=kind)
            cut[setting, kind] = spans(garden.scope("alice"), "x")
    own, plain = cut["auto", name], cut["auto", "plain"]
    assert own != plain and len(own) > 2
    assert cut == {
        ("auto", "note"): own,
        ("auto", "plain"): plain,
        ("auto", name): own,
        ("plain", "note"): plain,
        ("plain", "plain"): plain,
        ("plain", name): own,
        (name, "note"): own,
        (name, "plain"): plain,
        (name, name): own,
    }


def test_a_changed_text_is_cut_anew_by_its_kind(garden: Garden) -> None:
    """The kind is kept with the memory, so nothing has to be said again."""
    scope = garden.scope("alice")
    scope.add("short", id="x", kind="conversation")
    scope.update("x", text=TURNS)
    assert len(spans(scope, "x")) > 2
    assert all(chunk.text.startswith(("Ann: ", "Ben: ")) for chunk in scope.chunks("x"))


def test_chunks_are_known_from_a_hit(garden: Garden) -> None:
    """Its place among the memory's chunks, its type, its code and its headings."""
    scope = garden.scope("alice")
    scope.add(MARKDOWN, id="guide")
    scope.add("Short and sweet.", id="note")
    hit = scope.search("code(5)", k=1)[0]
    chunk = scope.chunk_of(hit)
    assert (chunk.start, chunk.end, chunk.text) == (hit.start, hit.end, hit.text)
    chunks = scope.chunks("guide")
    assert chunks[chunk.chunk_index] == chunk and chunk.total_chunks == len(chunks) > 2
    assert chunk.has_code and chunk.headings[0] == "Guide"
    assert scope.chunks("note") == [ChunkInfo("Short and sweet.", 0, 16, 0, 1, "short", False, ())]
    scope.update("guide", text=PROSE)
    with pytest.raises(MemoryNotFound, match="changed since"):
        scope.chunk_of(hit)
    for missing in ("guide2", "\ud83d"):
        with pytest.raises(MemoryNotFound, match="holds no memory"):
            scope.chunks(missing)
    with pytest.raises(MemoryNotFound):
        garden.scope("bob").chunks("guide")


def test_a_chunker_of_your_own_takes_its_place(open_garden: Callable[..., Garden]) -> None:
    """A function from a text to spans; texts that fit are not asked about."""
    asked: list[str] = []

    def lines(text: str) -> list[tuple[int, int]]:
        asked.append(text)
        return [(found.start(), found.end()) for found in re.finditer(r"[^\n]+\n?", text)]

    scope = open_garden(chunker=lines).scope("alice")
    scope.add_many([{"text": TURNS, "id": "long"}, {"text": "short", "id": "short"}])
    assert len(spans(scope, "long")) == 120 and asked == [TURNS]
    with pytest.raises(InvalidSetting, match="left out"):
        open_garden(chunker=lambda text: [(0, 5)]).scope("alice").add(TURNS)


def test_a_chunk_is_found_by_the_headings_above_it_too(open_garden: Callable[..., Garden]) -> None:
    """What it lies under says what it is about; `headings=False` leaves each chunk to its own words."""
    text = "# Zebra\n\n" + "".join(f"## Part {n}\n\n{'Some words of it. ' * 40}\n\n" for n in range(4)) + "Quagga\n"
    for headings in (True, False):
        scope = open_garden(headings=headings, chunk_size=60).scope("alice")
        scope.add(text, id="x", kind="technical")
        hits = scope.search("zebra quagga", mode="lexical")
        assert [hit.id for hit in hits] == ["x"]
        assert hits[0].text.endswith("Quagga\n") and "Zebra" not in hits[0].text
        both = scope.search("quagga", mode="lexical")[0].score
        assert (hits[0].score > both) == headings


def test_an_unknown_chunker_names_those_there_are(open_garden: Callable[..., Garden], tmp_path: Path) -> None:
    """And leaves no garden behind."""
    with pytest.raises(UnknownStrategy, match="auto, code, conversation, plain, prose, summary, technical"):
        open_garden(chunker="markdown")
    assert not (tmp_path / "garden").exists()


@pytest.mark.parametrize("overlap", [-1, 51])
def test_an_overlap_beyond_half_a_chunk_is_refused(open_garden: Callable[..., Garden], overlap: int) -> None:
    """Whatever the chunker is, at once."""
    with pytest.raises(InvalidSetting, match="0 to half their size"):
        open_garden(chunk_size=100, chunk_overlap=overlap)


def test_the_overlap_asked_for_is_what_chunks_share(open_garden: Callable[..., Garden]) -> None:
    """Prose without any, and with half a chunk."""
    words = " ".join(f"w{n}" for n in range(1000))
    for overlap in (0, 40):
        scope = open_garden(chunk_size=100, chunk_overlap=overlap).scope("alice")
        scope.add(words, id="x", kind="prose")
        chunks = scope.chunks("x")
        shared = [len(words[b.start : a.end].split()) for a, b in pairwise(chunks)]
        assert set(shared) == {overlap}


def test_a_document_is_found_by_its_title(garden: Garden) -> None:
    """In every chunk of it, as the metadata have it; what a turn of a conversation calls a title is none."""
    scope = garden.scope("alice")
    text = "\n\n".join(f"Paragraph {n}. {'They fly out early and come back late. ' * 30}" for n in range(8))
    scope.add(text, id="long", metadata={"title": "Apiculture"})
    scope.add("They sting.", id="short", metadata={"title": "Apiculture"})
    scope.add("They buzz.", id="turn", kind="turn", metadata={"title": "Apiculture", "speaker": "Ann"})
    own = garden.embedder.embed(["They dance."])[0]
    scope.add("They dance.", id="given", metadata={"title": "Apiculture"}, vector=own, embedder=garden.embedder.name)
    assert len(scope.chunks("long")) > 1
    for _ in range(2):  # the second time after a change that leaves the text alone
        assert {hit.id for hit in scope.search("apiculture", mode="lexical")} == {"long", "short", "given"}
        scope.update("given", importance="high")
    assert scope.get("short").text == "They sting."  # type: ignore[union-attr]
