"""Which memories go to the archive by a `Retention`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from memgarden.ingest.validate import to_importance
from memgarden.maintain.plan import Step, Version
from memgarden.maintain.policy import Retention
from memgarden.records import RECORD, ScopePath
from memgarden.turns import SUMMARY
from memgarden.upkeep import Profile

__all__ = ["plan_retention"]


def plan_retention(path: ScopePath, profiles: Iterable[Profile], policy: Retention, now: datetime) -> Iterator[Step]:
    """A step for each memory that goes, with its reason."""
    most = to_importance(policy.importance)
    said_before = now - timedelta(days=policy.older_than)
    used_before = None if policy.unused_for is None else now - timedelta(days=policy.unused_for)
    for profile in profiles:
        # What was just stored was used then: nobody can have looked for it before.
        used_at = max(profile.stored_at, profile.retrieved_at or profile.stored_at)
        if (
            profile.kind == RECORD
            or max(profile.created_at, profile.restored_at or profile.created_at) >= said_before
            or profile.importance > most
            or (used_before is not None and used_at >= used_before)
            or (profile.kind == SUMMARY if policy.kinds is None else profile.kind not in policy.kinds)
            or (policy.tags is not None and not set(policy.tags) & set(profile.tags))
        ):
            continue
        reason = f"said {(now - profile.created_at).days} days ago"
        if used_before is not None:
            found = (
                "not found" if profile.retrieved_at is None or profile.retrieved_at < profile.stored_at else "unused"
            )
            reason += f", {found} for {(now - used_at).days}"
        yield Step("archive", path, (Version(profile.id, profile.version),), f"{reason}, {profile.importance.label}")
