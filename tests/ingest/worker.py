"""Ingests the same stream each time, and says after each batch how many turns it has stored and found there."""

from __future__ import annotations

import sys

from memgarden import Garden, IngestProgress
from tests.ingest.conftest import talk

__all__ = ["STREAM"]

STREAM = [talk(f"u{n % 3}", f"s{n % 7}-{n}", 5 + 17 * (n % 4)) for n in range(24)]


def main(where: str) -> None:
    def progress(told: IngestProgress) -> None:
        print(told.stored, told.skipped, flush=True)

    with Garden.open(where, embedder="hashing:64", chroma=None) as garden:
        done = garden.ingest(STREAM, batch_size=16, progress=progress)
        print("done", done.conversations, len(done.failed), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
