"""Source code: whole functions and classes, without overlap."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

from memgarden.chunk.markup import lines
from memgarden.chunk.pack import BLOCK, GLUED, Packer, Unit, split
from memgarden.protocols import Span

__all__ = ["CodeChunker", "language"]

ESCAPE = re.compile(r"\\([^\\])|\\\\")
DEEPEST = 6  # levels of definitions that are told apart; what is too large further down is cut at its lines
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
INSIDE_WORD = re.compile(r"(?<=\w)\w")
COMMENT = re.compile(r"[ \t]*(?:#|//|/\*|\*|--)")
# Lines that one language has and the others have not, tried in this order; the names are langchain's.
TELLTALES = {
    "php": r"<\?php|^\s*(?:public |private )?function \w+\(.*\$",
    "csharp": r"^\s*using [\w.]+;|^\s*namespace [\w.]+",
    "cpp": r"^\s*#include <\w+>|\bstd::|^\s*template ?<",
    "c": r"^\s*#include [<\"]|^\s*#define ",
    "rust": r"^\s*(?:pub )?fn \w+|^\s*let mut |^\s*impl\b|^\s*use \w+::",
    "go": r"^package \w+$|^func (?:\(.*\) )?\w+\(",
    "kotlin": r"^\s*(?:\w+ )*fun (?:\w+\.)?\w+\(",
    "swift": r"^\s*(?:\w+ )*func \w+\(.*\{|^import (?:Foundation|UIKit|SwiftUI)$",
    "scala": r"^\s*(?:case class|object|trait) \w+|^\s*def \w+.*=\s*\{?$",
    "java": r"^\s*import [\w.]+;|^\s*(?:public|private|protected) (?:\w+ )*(?:class|interface|enum|void|\w+) \w+.*\{$",
    "ts": r"^\s*(?:export )?(?:interface|type) \w+|^\s*(?:const|let|function) \w+.*: \w+",
    "js": r"^\s*(?:export )?(?:default )?(?:async )?function\b|^\s*(?:const|let|var) \w+ = |=> ?\{?$|\brequire\(",
    "ruby": r"^\s*(?:require ['\"]|module \w+|def \w+[?!]?(?:\(.*\))?$|end$)",
    "lua": r"^\s*local (?:function )?\w+|^\s*function [\w.:]+\(",
    "elixir": r"^\s*defmodule \w+|^\s*defp? \w+",
    "haskell": r"^\w+ :: |^module \w+.* where",
    "python": r"^\s*(?:async )?def \w+\(.*|^\s*class \w+.*:$|^(?:from [\w.]+ )?import \w+",
}
TOP_LEVEL = re.compile(r"(?>\r\n|\r|\n)\s*(?>\r\n|\r|\n)(?=\S)")  # a blank line before one without indent
SAMPLE = 20_000  # characters that the language is told from


class CodeChunker:
    """As many whole definitions as fit: Python's by its own parser, others' by langchain's separators.

    A definition that is too large is cut between those inside it, and where there are none, at blank lines and lines.
    Comments and decorators right above a definition belong to it.
    """

    most: int | None = 1500  # tokens, where the embedder reads as many

    def __init__(self, size: int, overlap: int | None, count: Callable[[str], int]) -> None:
        """`size` in tokens. There is no overlap, whatever is asked: a definition stands for itself."""
        self._packer = Packer(size, 0, count)
        self._size = size
        self._count = count

    def __call__(self, text: str) -> Sequence[Span]:
        """Spans that together cover the text."""
        units = self._python(text)
        if units is None:
            units = self._other(text)
        return self._packer.pack(text, units)

    def _python(self, text: str) -> list[Unit] | None:
        """The statements of Python; None if it is none."""
        try:
            tree = ast.parse(ESCAPE.sub(_tame, text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        rows = list(lines(text))
        return list(self._statements(text, rows, tree, Unit(0, len(text), BLOCK), 1))

    def _statements(
        self, text: str, rows: Sequence[tuple[int, str]], node: ast.AST, whole: Unit, depth: int
    ) -> Iterator[Unit]:
        """The statements inside `node`, which is `whole` in the text; what stands before the first is a unit too."""
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
        found: list[tuple[Unit, ast.stmt | None]] = [(whole, None)]
        after_definition = False
        for child in inner:
            start = _begin(child, rows)
            definition = isinstance(child, DEFINITIONS)
            rank = GLUED if depth > 1 and child is inner[0] else depth if definition or after_definition else BLOCK
            after_definition = definition
            last, _ = found[-1]
            if start == last.start:
                found[-1] = (last, child)
            elif last.start < start < whole.end:  # not so where two statements share a line
                found[-1] = (last._replace(end=start), found[-1][1])
                found.append((Unit(start, whole.end, rank), child))
        for unit, statement in found:
            if statement is None or depth == DEEPEST or self._packer.fits(text[unit.start : unit.end]):
                yield unit
            else:
                yield from self._statements(text, rows, statement, unit, depth + 1)

    def _other(self, text: str) -> list[Unit]:
        name = language(text)
        if name is None:
            return split(text, Unit(0, len(text), BLOCK), TOP_LEVEL, BLOCK)
        # Imported here: it takes a third of a second, and most memories are no source code.
        from langchain_text_splitters import Language, RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter.from_language(
            Language(name),
            chunk_size=self._size,
            chunk_overlap=0,
            length_function=self._count,
            strip_whitespace=False,
        )
        ends = list(accumulate(map(len, splitter.split_text(text))))
        cuts = [_above(text, end, start) for start, end in pairwise([0, *ends[:-1]])]
        # What has no blanks it cuts anywhere; the packer knows where words end.
        cuts = [0, *(cut for cut in cuts if not INSIDE_WORD.match(text, cut)), len(text)]
        return [Unit(start, end, BLOCK) for start, end in pairwise(cuts) if start < end]


def language(text: str) -> str | None:
    """The language whose marks the beginning of a text has, by langchain's name for it; None for no known one."""
    sample = text[:SAMPLE]
    counts = {name: len(re.findall(pattern, sample, re.MULTILINE)) for name, pattern in TELLTALES.items()}
    name = max(counts, key=lambda name: counts[name])
    return name if counts[name] else None


def _tame(escape: re.Match[str]) -> str:
    r"""An escape that the parser has nothing to say of: it warns of the likes of `\d`, on whatever text it is given."""
    return escape[0] if escape[1] in (None, *"'\"\r\n") else f"/{escape[1]}"


def _begin(node: ast.stmt, rows: Sequence[tuple[int, str]]) -> int:
    """Where a statement begins, its decorators and the comments right above it included."""
    row: int = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", ()))]) - 1
    while row and COMMENT.match(rows[row - 1][1]):
        row -= 1
    return rows[row][0]


def _above(text: str, cut: int, floor: int) -> int:
    """The start of the comment lines that end at `cut`, which belong to what follows; `cut` where there are none."""
    start = cut + 1 if text.startswith("\n", cut) else cut  # separators begin with the end of a line
    while (line := text.rfind("\n", floor, start - 1) + 1) > floor and COMMENT.match(text, line):
        start = line
    return start
