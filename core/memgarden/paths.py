"""How a scope's labels become one string: a JSON Pointer (RFC 6901), so no two scopes share one."""

from __future__ import annotations

import re

from memgarden.errors import InvalidScope
from memgarden.records import ScopePath

__all__ = ["check_path", "decode_path", "encode_path", "prefix_range"]

MAX_LABEL_BYTES = 512
MAX_LABELS = 16
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check_path(labels: tuple[object, ...]) -> ScopePath:
    """The labels as a path; `InvalidScope` for no labels, empty ones, and what no database stores."""
    if not 1 <= len(labels) <= MAX_LABELS:
        raise InvalidScope(f"a scope has 1 to {MAX_LABELS} labels, not {len(labels)}: garden.scope('alice')")
    for label in labels:
        if not isinstance(label, str):
            raise InvalidScope(f"a scope's label is a string, not {type(label).__name__}: {label!r}")
        if not label.strip():
            raise InvalidScope("a scope's label is empty: name the user, as in garden.scope('alice')")
        if found := UNSTORABLE.search(label):
            raise InvalidScope(f"a scope's label holds {found[0]!r}, which cannot be stored: {label!r}")
        if len(label.encode()) > MAX_LABEL_BYTES:
            raise InvalidScope(f"a scope's label takes {len(label.encode())} bytes; at most {MAX_LABEL_BYTES}: hash it")
    return tuple(str(label) for label in labels)


def encode_path(path: ScopePath) -> str:
    """`("acme", "a/b")` as `/acme/a~1b`."""
    return "".join("/" + label.replace("~", "~0").replace("/", "~1") for label in path)


def decode_path(text: str) -> ScopePath:
    """The labels that `encode_path` was given."""
    return tuple(label.replace("~1", "/").replace("~0", "~") for label in text.split("/")[1:])


def prefix_range(path: ScopePath) -> tuple[str, str]:
    """The half-open range of encoded paths strictly below `path`: `/a/` to `/a0`, `0` being next after `/`."""
    start = encode_path(path)
    return start + "/", start + "0"
