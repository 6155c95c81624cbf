"""The tokenizer of all-MiniLM-L6-v2: BERT uncased WordPiece (Devlin et al. 2019, arXiv:1810.04805)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from memgarden.protocols import Span
from memgarden.readable import readable

__all__ = ["MAX_TOKENS", "count", "encode", "encode_with_spans", "load_tokenizer"]

MAX_TOKENS = 256
"""How many tokens the model was trained to read, [CLS] and [SEP] among them (its `max_seq_length`)."""

VOCABULARY = Path(__file__).with_name("vocab.txt")
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def load_tokenizer(path: Path | None = None) -> Tokenizer:
    """The tokenizer of a `tokenizer.json` or a `vocab.txt`, by default memgarden's own; it pads and cuts nothing."""
    if path is not None and path.suffix == ".json":
        tokenizer = Tokenizer.from_file(str(path))
        # Published files fix both at 128 tokens; `encode` does the cutting.
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer
    tokenizer = Tokenizer(WordPiece.from_file(str(path or VOCABULARY), unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIALS))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, [CLS] first and [SEP] last, at most `MAX_TOKENS` of them."""
    return [_cut(item.ids) for item in tokenizer.encode_batch_fast([readable(text) for text in texts])]


def encode_with_spans(tokenizer: Tokenizer, texts: Sequence[str]) -> list[tuple[list[int], list[Span]]]:
    """As `encode`, and the span of the readable text that each token stands for, [CLS] and [SEP] left out."""
    encoded = tokenizer.encode_batch([readable(text) for text in texts])
    return [(_cut(item.ids), item.offsets[1:-1][: MAX_TOKENS - 2]) for item in encoded]


def _cut(ids: list[int]) -> list[int]:
    return ids if len(ids) <= MAX_TOKENS else ids[: MAX_TOKENS - 1] + ids[-1:]


def count(tokenizer: Tokenizer, text: str) -> int:
    """How many tokens a text has, however long it is, without [CLS] and [SEP]."""
    return len(tokenizer.encode(readable(text), add_special_tokens=False).ids)
