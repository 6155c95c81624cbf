"""Memories, hits and health as JSON: what `--json` prints."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import typer

from memgarden.observe.health import Health
from memgarden.records import Hit, Memory

__all__ = ["health_object", "hit_object", "memory_object", "print_json"]


def memory_object(memory: Memory) -> dict[str, Any]:
    """All of a memory; times in ISO 8601."""
    return {
        "id": memory.id,
        "text": memory.text,
        "kind": memory.kind,
        "importance": memory.importance.label,
        "tags": list(memory.tags),
        "metadata": dict(memory.metadata),
        "created_at": memory.created_at.isoformat(),
        "expires_at": memory.expires_at.isoformat() if memory.expires_at else None,
        "stored_at": memory.stored_at.isoformat() if memory.stored_at else None,
    }


def hit_object(hit: Hit) -> dict[str, Any]:
    """A hit: its score and relevance, the part of the text that matched, what each leg said, the memory whole."""
    return {
        "score": hit.score,
        "relevance": hit.relevance,
        "text": hit.text,
        "start": hit.start,
        "end": hit.end,
        "legs": [leg._asdict() for leg in hit.legs],
        "phrasings": list(hit.phrasings),
        "memory": memory_object(hit.memory),
    }


def health_object(health: Health) -> dict[str, Any]:
    """All of a garden's health, and whether it is well."""
    plain = dataclasses.asdict(health)
    plain["large"] = [{"scope": list(path), "searched": how} for path, how in health.large.items()]
    return {"ok": health.ok} | plain


def print_json(value: object) -> None:
    r"""Print it in ASCII: control characters come out as `\u001b`, and any terminal or pipe takes it."""
    typer.echo(json.dumps(value, indent=2))
