"""Words that say how a sentence is built and not what it is about.

A change to a list changes the digest in `StandardAnalyzer.name`, so gardens made with the old one are indexed anew.
"""

from __future__ import annotations

from memgarden.lexical.closed_classes import CLOSED_CLASSES

__all__ = ["STOP_LISTS", "closed_classes"]

LUCENE = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
    was will with
"""

LONG_BY_CLASS = {
    "article, determiner": """
        a an the all another any both each either every few many more most much other others own same several some such
    """,
    "pronoun": """
        i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
        herself it its itself they them their theirs themselves this that these those one ones oneself someone somebody
        something anyone anybody anything everyone everybody everything
    """,
    "question word": """
        who whom whose which what when where why how whoever whatever whichever whenever wherever however
    """,
    "auxiliary": """
        am is are was were be been being do does did done doing have has had having will would shall should can could
        might must ought
    """,
    "preposition": """
        about above across after against along among amongst around as at before behind below beneath beside besides
        between beyond by despite down during except for from in inside into near of off on onto out outside over per
        since than through throughout till to toward towards under underneath until unto up upon via with within without
    """,
    "conjunction": """
        and but or so yet if because although though while whereas whilst unless whether then thus therefore hence
    """,
    "adverb that points or grades": """
        here there now again also too very just only even ever quite rather still
    """,
}
"""The closed word classes of English.

Left out on purpose: the negations (no, not, never, nor, neither, none, nobody, nothing), which turn a statement round,
and may and like, which memories hold as the month and the verb.
"""

STOP_LISTS = {
    "long": frozenset(" ".join(LONG_BY_CLASS.values()).split()),
    "lucene": frozenset(LUCENE.split()),
}
"""English. `long` does better on chats; `lucene` is the list of Lucene's `EnglishAnalyzer`, 33 words."""

OLDER = {"porter": "english", "dutch_porter": "dutch"}  # stemmers that share a language with another


def closed_classes(language: str | None) -> frozenset[str]:
    """The long list of the language of a Snowball stemmer, empty where there is none; English for no stemmer."""
    language = OLDER.get(language, language) if language is not None else "english"
    return STOP_LISTS["long"] if language == "english" else CLOSED_CLASSES.get(language, frozenset())
