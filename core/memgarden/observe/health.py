"""A garden's health: what it holds, what waits, and what is wrong with the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from memgarden.protocols import MirrorStatus
from memgarden.records import ScopePath

__all__ = ["Health", "diagnose"]

BACKLOG = 100_000  # more than this in the outbox means that nothing has been draining it


@dataclass(frozen=True, slots=True)
class Health:
    """What `garden.health()` found.

    `problems` are sentences that name their mend; a garden is `ok` without any. `rows` counts rows by table, `bytes`
    is the database's size on disk, `outbox` what Chroma has yet to get, `indexes` and `index_bytes` what is in memory.
    `large` names the scopes that have a Chroma collection of their own and how a search now finds their vectors:
    `chroma`, or `exact` while the collection is being built or Chroma cannot be asked, with the vectors in memory. A
    search of such a scope with a filter asks Chroma for more, by the share that the filter lets through; where that
    were more than it lets through, it reads those vectors from the database and is exact.
    """

    where: str
    embedder: str
    dimension: int
    language: str
    rows: dict[str, int]
    bytes: int
    outbox: int
    chroma: str
    indexes: int
    index_bytes: int
    large: dict[ScopePath, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


def diagnose(
    outbox: int,
    mirror: MirrorStatus | None,
    damage: list[str],
    finding: str | None,
    refusals: Mapping[ScopePath, str] = MappingProxyType({}),
) -> list[str]:
    """The problems that these figures mean; `refusals` are what Chroma says to searches of large scopes."""
    problems = [f"the database is damaged ({finding}): restore a backup" for finding in damage]
    if mirror is not None and mirror.state == "failing":
        problems.append(
            f"Chroma fails ({mirror.error}); {outbox} changes wait and searches go on: run `memgarden reindex` if it "
            "does not mend itself"
        )
    elif outbox > BACKLOG and (mirror is None or mirror.state not in ("draining", "waiting")):
        problems.append(f"{outbox} changes wait for Chroma: open the garden with its Chroma and call flush()")
    elif mirror is not None and mirror.state == "idle" and refusals:  # else it may be about to begin
        path, refusal = next(iter(refusals.items()))
        problems.append(
            f"Chroma does not answer searches of {len(refusals)} large scopes ({'/'.join(path)}: {refusal}); they are "
            "exact and their vectors in memory: run `memgarden reindex` if it does not mend itself"
        )
    if finding is not None:
        problems.append(f"Chroma is not what it should be ({finding}); searches go on: run `memgarden reindex`")
    return problems
