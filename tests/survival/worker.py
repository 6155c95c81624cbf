"""Writes to a garden until it is killed, saying what it is about to do and what it has done, a line each."""

from __future__ import annotations

import json
import random
import sys

from memgarden import Garden
from tests.survival.model import draw, perform


def main(where: str, seed: int) -> None:
    rng = random.Random(seed)
    with Garden.open(where, embedder="hashing:64") as garden:
        number = 0
        while True:
            operation = draw(rng, ["alice", "bob", "carol", "dave"], 12, f"w{seed}x{number}")
            print("?" + json.dumps(operation), flush=True)
            perform(garden, operation)
            print("!", flush=True)
            number += 1


main(sys.argv[1], int(sys.argv[2]))
