"""Long-term memory for LLM applications: hybrid BM25 and vector retrieval, durable, isolated, in milliseconds.

from memgarden import Garden

with Garden.open("./garden") as garden:
    alice = garden.scope("alice")
    alice.add("I moved to Lisbon in May.", importance="high", tags=["home"])
    for hit in alice.search("where does she live?", k=3):
        print(hit.score, hit.text)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memgarden.errors import (
    ChromaError,
    Conflict,
    EmbedderMismatch,
    ExpanderFailed,
    GardenBusy,
    GardenClosed,
    InvalidDataset,
    InvalidFilter,
    InvalidMemory,
    InvalidQuery,
    InvalidScope,
    InvalidSetting,
    MemgardenError,
    MemoryNotFound,
    MissingExtra,
    ModelNotFound,
    RerankerFailed,
    SchemaTooNew,
    StorageError,
    SummarizerFailed,
    UnknownStrategy,
)
from memgarden.forgetting import Receipt
from memgarden.garden import Garden
from memgarden.observe.health import Health
from memgarden.protocols import Chunker, Embedder, Expander, Reranker, Shortlist
from memgarden.records import ChunkInfo, Hit, Importance, LegScore, Memory, RerankScore, as_told
from memgarden.scope import Scope
from memgarden.shared import shared_garden
from memgarden.turns import Signals
from memgarden.upkeep import Past

if TYPE_CHECKING:
    from memgarden.embed.functions import FunctionEmbedder
    from memgarden.ingest.adopt import Adoption
    from memgarden.ingest.conversations import Conversation
    from memgarden.ingest.reports import Ingested, IngestProgress, NotStored
    from memgarden.maintain.applying import Applied
    from memgarden.maintain.archive import Archive
    from memgarden.maintain.archives import Restored
    from memgarden.maintain.compact import Compaction
    from memgarden.maintain.duplicates import Duplicates
    from memgarden.maintain.giving import Given
    from memgarden.maintain.moving import Imported
    from memgarden.maintain.narrowing import Narrowing
    from memgarden.maintain.plan import Plan, Step
    from memgarden.maintain.policy import Deduplication, Policy, Retention, Summarisation, read_policy
    from memgarden.maintain.prompt import summary_prompt
    from memgarden.maintain.sizes import Sizes
    from memgarden.maintain.summaries import Summarizer

__all__ = [
    "Adoption",
    "Applied",
    "Archive",
    "ChromaError",
    "ChunkInfo",
    "Chunker",
    "Compaction",
    "Conflict",
    "Conversation",
    "Deduplication",
    "Duplicates",
    "Embedder",
    "EmbedderMismatch",
    "Expander",
    "ExpanderFailed",
    "FunctionEmbedder",
    "Garden",
    "GardenBusy",
    "GardenClosed",
    "Given",
    "Health",
    "Hit",
    "Importance",
    "Imported",
    "IngestProgress",
    "Ingested",
    "InvalidDataset",
    "InvalidFilter",
    "InvalidMemory",
    "InvalidQuery",
    "InvalidScope",
    "InvalidSetting",
    "LegScore",
    "MemgardenError",
    "Memory",
    "MemoryNotFound",
    "MissingExtra",
    "ModelNotFound",
    "Narrowing",
    "NotStored",
    "Past",
    "Plan",
    "Policy",
    "Receipt",
    "RerankScore",
    "Reranker",
    "RerankerFailed",
    "Restored",
    "Retention",
    "SchemaTooNew",
    "Scope",
    "Shortlist",
    "Signals",
    "Sizes",
    "Step",
    "StorageError",
    "Summarisation",
    "Summarizer",
    "SummarizerFailed",
    "UnknownStrategy",
    "__version__",
    "as_told",
    "read_policy",
    "shared_garden",
    "summary_prompt",
]

__version__ = "0.1.0"

# What most processes never name is imported when it is named: with it the import takes half as long again.
_WHEN_NAMED = {
    "Adoption": "memgarden.ingest.adopt",
    "Applied": "memgarden.maintain.applying",
    "Archive": "memgarden.maintain.archive",
    "Compaction": "memgarden.maintain.compact",
    "Conversation": "memgarden.ingest.conversations",
    "Deduplication": "memgarden.maintain.policy",
    "Duplicates": "memgarden.maintain.duplicates",
    "FunctionEmbedder": "memgarden.embed.functions",
    "Given": "memgarden.maintain.giving",
    "Imported": "memgarden.maintain.moving",
    "IngestProgress": "memgarden.ingest.reports",
    "Ingested": "memgarden.ingest.reports",
    "Narrowing": "memgarden.maintain.narrowing",
    "NotStored": "memgarden.ingest.reports",
    "Plan": "memgarden.maintain.plan",
    "Policy": "memgarden.maintain.policy",
    "Restored": "memgarden.maintain.archives",
    "Retention": "memgarden.maintain.policy",
    "Sizes": "memgarden.maintain.sizes",
    "Step": "memgarden.maintain.plan",
    "Summarisation": "memgarden.maintain.policy",
    "Summarizer": "memgarden.maintain.summaries",
    "read_policy": "memgarden.maintain.policy",
    "summary_prompt": "memgarden.maintain.prompt",
}


def __getattr__(name: str) -> Any:
    module = _WHEN_NAMED.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
