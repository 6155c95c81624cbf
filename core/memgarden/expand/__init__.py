"""How a question is put in other words; a file a strategy."""

from __future__ import annotations

__all__ = ["EXPANDERS"]

EXPANDERS = {
    "prf": "memgarden.expand.prf:make",
    "templates": "memgarden.expand.templates:make",
}
