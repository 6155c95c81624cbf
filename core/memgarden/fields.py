"""What a vector database is told of a chunk besides its text and the user's metadata."""

from __future__ import annotations

from memgarden.records import Memory

__all__ = ["fields_of"]


def fields_of(memory: Memory, start: int, end: int) -> dict[str, str | int | float | bool]:
    """The fields of the chunk `memory.text[start:end]`.

    With `length`, that of the whole text, and the blanks in front of a chunk (`gap`) and behind the last (`tail`),
    which no chunk holds, all chunks of a memory give its text again.
    """
    fields: dict[str, str | int | float | bool] = {
        "memory_id": memory.id,
        "kind": memory.kind,
        "importance": memory.importance.label,
        "created_at": memory.created_at.timestamp(),
        "start": start,
        "end": end,
        "length": len(memory.text),
    }
    if memory.expires_at is not None:
        fields["expires_at"] = memory.expires_at.timestamp()
    if memory.tags:
        fields["tags"] = ",".join(memory.tags)
    before = memory.text[:start]
    if gap := before[len(before.rstrip()) :]:
        fields["gap"] = gap
    if (tail := memory.text[end:]) and not tail.strip():
        fields["tail"] = tail
    return fields
