"""What the frameworks' adapters add to the core, and a chat's memory beside the composition that people use today.

`python -m benchmarks.adapters`: 1,000 memories of one user, embedded by the hashing embedder, so that neither side
waits for a model. The adapter and the core answer the same questions in turn, and what is told is the median of the
differences. In the chat loop a turn recalls for the user's message and remembers what was said: by
`MemGardenMiddleware`, and by langchain-chroma with an EnsembleRetriever over it and BM25Retriever, which has to be
built anew after each turn, as it has no way to be added to.
LlamaIndex's QueryFusionRetriever is beside us in `benchmarks.compare`.
"""

from __future__ import annotations

import gc
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed import SEED, machine, texts, timings, words

MEMORIES = 1000
QUESTIONS = 400
TURNS = 60


def in_turn(first: Callable[[str], Any], second: Callable[[str], Any], asked: list[str]) -> dict[str, float]:
    """Both on each question, in an order drawn by lot: their medians and that of the differences, in milliseconds."""
    rng = random.Random(SEED)
    taken: dict[str, list[float]] = {"core": [], "adapter": []}
    for question in asked:
        pair = [("core", first), ("adapter", second)]
        rng.shuffle(pair)
        for name, ask in pair:
            start = time.perf_counter()
            ask(question)
            taken[name].append(time.perf_counter() - start)
    differences = [after - before for before, after in zip(taken["core"], taken["adapter"], strict=True)]
    return {name: round(statistics.median(values) * 1000, 3) for name, values in taken.items()} | {
        "overhead_ms": round(statistics.median(differences) * 1000, 3)
    }


def langchain_overhead(garden: Any, asked: list[str]) -> dict[str, float]:
    """`MemGardenRetriever.invoke` over `Scope.search`, k = 10."""
    from langchain_memgarden import MemGardenRetriever

    scope = garden.scope("alice")
    retriever = MemGardenRetriever(garden=garden, user="alice", k=10)
    return in_turn(lambda question: scope.search(question, k=10), retriever.invoke, asked)


def llama_index_overhead(garden: Any, asked: list[str]) -> dict[str, Any]:
    """`MemGardenRetriever.retrieve` over `Scope.search`, of memories and of nodes, top 10."""
    from llama_index.core.schema import TextNode

    from llama_index_memgarden import MemGardenRetriever, MemGardenVectorStore

    scope, nodes = garden.scope("alice"), MemGardenVectorStore(garden, "nodes")
    nodes.add([TextNode(text=memory.text, id_=memory.id) for memory in scope.list(limit=MEMORIES)])
    return {
        name: in_turn(
            lambda question, scope=of: scope.search(question, k=10),
            MemGardenRetriever(of, similarity_top_k=10).retrieve,
            asked,
        )
        for name, of in (("memories", scope), ("nodes", nodes.scope))
    }


def chat(recall: Callable[[str], Any], remember: Callable[[str, str], Any], said: list[str]) -> dict[str, Any]:
    """How long a turn waits for what is recalled, and for what is remembered."""
    waits: dict[str, list[float]] = {"recall": [], "remember": [], "turn": []}
    gc.collect()
    for text in said:
        start = time.perf_counter()
        recall(text)
        between = time.perf_counter()
        remember(text, f"answer to {text}")
        end = time.perf_counter()
        for name, value in (("recall", between - start), ("remember", end - between), ("turn", end - start)):
            waits[name].append(value)
    return {name: timings(values) for name, values in waits.items()}


def langchain_chat(garden: Any, known: list[str], said: list[str], folder: Path) -> dict[str, Any]:
    """The middleware's hooks, as an agent calls them, beside the composition."""
    from langchain_core.messages import AIMessage, HumanMessage

    from langchain_memgarden import MemGardenEmbeddings, MemGardenMiddleware

    middleware = MemGardenMiddleware(garden, k=6, user=lambda runtime: "alice")

    def messages(text: str, answer: str | None = None) -> dict[str, Any]:
        own = [HumanMessage(text, id=uuid.uuid4().hex)]
        return {"messages": own if answer is None else [*own, AIMessage(answer, id=uuid.uuid4().hex)]}

    ours = chat(
        lambda text: middleware.before_agent(messages(text), None),
        lambda text, answer: middleware.after_agent(messages(text, answer), None),
        said,
    )

    import chromadb
    from langchain_chroma import Chroma
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever

    embeddings = MemGardenEmbeddings(garden)
    client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
    store = Chroma("memories", embeddings, client=client, collection_configuration={"hnsw": {"space": "cosine"}})
    store.add_texts(known, [{"user": "alice"}] * len(known))
    everything = list(known)
    held: dict[str, Any] = {}

    def compose() -> Any:
        lexical = BM25Retriever.from_texts(everything, k=6)
        dense = store.as_retriever(search_kwargs={"k": 6, "filter": {"user": "alice"}})
        return EnsembleRetriever(retrievers=[lexical, dense], weights=[0.5, 0.5])

    def recall(text: str) -> Any:
        if "retriever" not in held:
            held["retriever"] = compose()
        return held["retriever"].invoke(text)

    def remember(text: str, answer: str) -> None:
        store.add_texts([text, answer], [{"user": "alice"}] * 2)
        everything.extend([text, answer])
        held.pop("retriever", None)

    theirs = chat(recall, remember, said)
    ratio = theirs["turn"]["p50_ms"] / ours["turn"]["p50_ms"]
    return {"memgarden": ours, "langchain-chroma + EnsembleRetriever": theirs, "times_faster": round(ratio, 1)}


def main() -> None:
    """Print both."""
    from memgarden import Garden

    vocabulary = words()
    known = texts(vocabulary, MEMORIES, 1)
    asked = [" ".join(text.split()[:6]) for text in texts(vocabulary, QUESTIONS, 2)]
    said = texts(vocabulary, TURNS, 3)
    print(json.dumps(machine(), indent=2))
    with (
        tempfile.TemporaryDirectory() as folder,
        Garden.open(Path(folder) / "garden", embedder="hashing:384", chroma=None) as garden,
    ):
        garden.scope("alice").add_many(known)
        print("\nlangchain: a retriever over the core's search")
        print(json.dumps(langchain_overhead(garden, asked), indent=2))
        print("\nlangchain: a chat's turn, recall and remember")
        print(json.dumps(langchain_chat(garden, known, said, Path(folder) / "chroma"), indent=2))
        print("\nllama_index: a retriever over the core's search")
        print(json.dumps(llama_index_overhead(garden, asked), indent=2))


if __name__ == "__main__":
    main()
