"""Text as tokenizers take it."""

from __future__ import annotations

import re

__all__ = ["readable"]

SURROGATE = re.compile("[\ud800-\udfff]")


def readable(text: str) -> str:
    """The text without lone surrogates, which tokenizers refuse with a `TypeError`.

    An escape in JSON brings them in. Halves that belong together are joined; a lone one becomes U+FFFD, which BERT's
    normaliser then drops.
    """
    if SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
