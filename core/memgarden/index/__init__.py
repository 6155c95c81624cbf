"""The index of one scope, held in memory: its terms, its vectors, its filterable columns, and the pool of them."""
