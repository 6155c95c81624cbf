"""Retrieval-augmented generation with LangChain: documents into a vector store, a hybrid retriever, a chain.

pip install "memgarden[langchain]"; python examples/langchain_rag.py [FOLDER]. Put your chat model in place of the fake.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

from langchain_memgarden import MemGardenVectorStore
from memgarden import Garden

CORPUS = Path(__file__).parent / "data" / "garden-chat" / "corpus.jsonl"
PROMPT = "Answer from this only, and name the page:\n\n{context}\n\nQuestion: {question}"


def pages() -> list[Document]:
    """The documents, not the chats, of the corpus that comes with memgarden."""
    records = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    return [
        Document(id=record["_id"], page_content=record["text"], metadata={"title": record["title"]})
        for record in records
        if record["title"]
    ]


def joined(documents: list[Document]) -> str:
    """What the prompt is given of the Documents."""
    return "\n\n".join(f"[{document.metadata['title']}] {document.page_content}" for document in documents)


def main(folder: str = "./rag-garden") -> None:
    """Store the documents, and ask."""
    with Garden.open(folder) as garden:
        store = MemGardenVectorStore(garden, user="library")
        store.add_documents(pages())
        retriever = store.as_retriever(search_type="hybrid", k=2)
        model = FakeListChatModel(responses=["(your model answers here)"])
        chain = (
            {"context": retriever | joined, "question": RunnablePassthrough()}
            | ChatPromptTemplate.from_template(PROMPT)
            | model
            | StrOutputParser()
        )
        question = "How long does the chutney simmer?"
        print("asked: ", question)
        print("found: ", [document.metadata["title"] for document in retriever.invoke(question)])
        print("answer:", chain.invoke(question))


if __name__ == "__main__":
    main(*sys.argv[1:2])
