"""What is looked for in the files of a garden after something was forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LOOK = """
import contextlib, sys
from pathlib import Path
folder, *words = sys.argv[1:]
for path in sorted(path for path in Path(folder).rglob("*")):
    with contextlib.suppress(FileNotFoundError):
        held = path.read_bytes() if path.is_file() else b""
        for word in words:
            for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                if word.encode(encoding) in held or word in path.name:
                    print(f"{path.relative_to(folder)}: {word} in {encoding}")
"""


def traces(folder: Path, words: Sequence[str]) -> list[str]:
    """Where any of the words is found, in UTF-8 or UTF-16, in any file below the folder.

    Looked for by another process: to close a file that SQLite has open here would end its locks.
    """
    command = [sys.executable, "-c", LOOK, str(folder), *words]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
