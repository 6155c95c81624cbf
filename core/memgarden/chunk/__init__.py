"""How a text is cut into the pieces that are indexed: a chunker for each sort of text."""

CHUNKERS = {
    "code": "memgarden.chunk.code:CodeChunker",
    "conversation": "memgarden.chunk.conversation:ConversationChunker",
    "plain": "memgarden.chunk.plain:PlainChunker",
    "prose": "memgarden.chunk.prose:ProseChunker",
    "summary": "memgarden.chunk.summary:SummaryChunker",
    "technical": "memgarden.chunk.technical:TechnicalChunker",
}
