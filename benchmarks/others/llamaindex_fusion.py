"""LlamaIndex's composition: QueryFusionRetriever over BM25Retriever and Chroma with a filter, built for each user."""

import chromadb
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms.mock import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.chroma import ChromaVectorStore


class Given(BaseEmbedding):
    """The vector of the query at hand."""

    current: list[float] = []

    def _get_query_embedding(self, query):
        return self.current

    def _get_text_embedding(self, text):
        return self.current

    async def _aget_query_embedding(self, query):
        return self.current


class Contender:
    def open(self, folder):
        client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
        self.collection = client.get_or_create_collection(
            "memories", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
        self.store = ChromaVectorStore(chroma_collection=self.collection)
        self.given = Given(model_name="given")
        self.index = VectorStoreIndex.from_vector_store(self.store, embed_model=self.given)
        self.retrievers = {}

    def load(self, user, ids, texts, vectors):
        self.store.add(
            [
                TextNode(id_=id, text=text, embedding=vector, metadata={"user": user})
                for id, text, vector in zip(ids, texts, vectors.tolist(), strict=True)
            ]
        )

    def add(self, user, id, text, vector):
        self.load(user, [id], [text], vector[None])
        self.retrievers.pop(user, None)

    def query(self, user, text, vector):
        if user not in self.retrievers:
            mine = MetadataFilters(filters=[MetadataFilter(key="user", value=user)])
            nodes = self.store.get_nodes(node_ids=None, filters=mine)
            self.retrievers[user] = QueryFusionRetriever(
                [
                    BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=10),
                    self.index.as_retriever(similarity_top_k=10, filters=mine),
                ],
                llm=MockLLM(),
                similarity_top_k=10,
                num_queries=1,
                mode="reciprocal_rerank",
                use_async=False,
            )
        self.given.current = vector.tolist()
        return [found.node.node_id for found in self.retrievers[user].retrieve(text)]

    def close(self):
        pass
