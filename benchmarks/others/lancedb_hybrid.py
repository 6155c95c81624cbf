"""LanceDB: one table, a full-text index, an index on the user, its own hybrid search with reciprocal rank fusion."""

import lancedb
from lancedb.rerankers import RRFReranker


class Contender:
    def open(self, folder):
        self.database = lancedb.connect(str(folder))
        names = self.database.table_names()
        self.table = self.database.open_table("memories") if "memories" in names else None
        self.reranker = RRFReranker()

    def load(self, user, ids, texts, vectors):
        rows = [
            {"id": id, "user": user, "text": text, "vector": vector}
            for id, text, vector in zip(ids, texts, vectors, strict=True)
        ]
        if self.table is None:
            self.table = self.database.create_table("memories", rows)
        else:
            self.table.add(rows)

    def _index(self):
        self.table.create_scalar_index("user")
        self.table.create_fts_index("text")

    def add(self, user, id, text, vector):
        self.table.add([{"id": id, "user": user, "text": text, "vector": vector}])

    def query(self, user, text, vector):
        query = (
            self.table.search(query_type="hybrid").vector(vector).text(text).where(f"user = '{user}'", prefilter=True)
        )
        return [row["id"] for row in query.rerank(self.reranker).limit(10).to_list()]

    def close(self):
        if self.table is not None and not self.table.list_indices():
            self._index()
