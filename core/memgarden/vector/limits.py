"""How large a record may be where it goes: a Chroma of one's own, or Chroma Cloud with its quotas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chromadb.api import ClientAPI

__all__ = ["CLOUD", "LOCAL", "Limits", "limits_of"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one record and one request may hold; sizes are bytes of UTF-8.

    `keys` counts metadata keys a record, `items` the elements of a list value, `records` the records a write and
    `page` the records a read.
    """

    key_bytes: int
    value_bytes: int
    document_bytes: int
    keys: int
    items: int
    records: int
    page: int


LOCAL = Limits(
    key_bytes=256,  # Chroma takes any length; every key is a row in SQLite, and a name of more is an accident
    value_bytes=4_096,  # metadata is for filters: a longer text can be asked for in the garden
    document_bytes=1_048_576,  # a chunk is some hundred characters; this guards against a chunker that does not cut
    keys=256,  # a row in SQLite each, written while the GIL is held
    items=64,  # a row each as well
    records=5_000,  # 5,461 is Chroma's own bound on a batch
    page=5_000,  # more than 32,766 at once fail with "too many SQL variables"
)

CLOUD = Limits(  # https://docs.trychroma.com/cloud/quotas-limits
    key_bytes=36,
    value_bytes=4_096,
    document_bytes=16_384,
    keys=32,
    items=64,
    records=300,
    page=300,
)


def limits_of(client: ClientAPI) -> Limits:
    """The quotas of Chroma Cloud for a client that talks to it, generous ones for any other."""
    host = str(client.get_settings().chroma_server_host or "")
    return CLOUD if host.rstrip("/").endswith(".trychroma.com") else LOCAL
