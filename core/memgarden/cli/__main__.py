"""`python -m memgarden.cli` is `memgarden`."""

from __future__ import annotations

from memgarden.cli import app

app(prog_name="memgarden")
