"""Long-term memory for LLM applications: hybrid BM25 and vector retrieval, durable, isolated, in milliseconds.

from memgarden import Garden

with Garden.open("./garden") as garden:
    alice = garden.scope("alice")
    alice.add("I moved to Lisbon in May.", importance="high", tags=["home"])
    for hit in alice.search("where does she live?", k=3):
        print(hit.score, hit.text)
"""

from __future__ import annotations

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
    UnknownStrategy,
)
from memgarden.forgetting import Receipt
from memgarden.garden import Garden
from memgarden.ingest.adopt import Adoption
from memgarden.maintain.compact import Compaction
from memgarden.maintain.moving import Imported
from memgarden.observe.health import Health
from memgarden.protocols import Chunker, Embedder, Expander, Reranker, Shortlist
from memgarden.records import ChunkInfo, Hit, Importance, LegScore, Memory, RerankScore, as_told
from memgarden.scope import Scope
from memgarden.shared import shared_garden
from memgarden.turns import Signals

__all__ = [
    "Adoption",
    "ChromaError",
    "ChunkInfo",
    "Chunker",
    "Compaction",
    "Conflict",
    "Embedder",
    "EmbedderMismatch",
    "Expander",
    "ExpanderFailed",
    "Garden",
    "GardenBusy",
    "GardenClosed",
    "Health",
    "Hit",
    "Importance",
    "Imported",
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
    "Receipt",
    "RerankScore",
    "Reranker",
    "RerankerFailed",
    "SchemaTooNew",
    "Scope",
    "Shortlist",
    "Signals",
    "StorageError",
    "UnknownStrategy",
    "__version__",
    "as_told",
    "shared_garden",
]

__version__ = "0.1.0"
