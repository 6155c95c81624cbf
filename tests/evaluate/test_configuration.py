"""A configuration is a name and settings that exist; what does not is refused before anything is embedded."""

from __future__ import annotations

import pytest

from memgarden import InvalidSetting
from memgarden.evaluate import Configuration, parse_configuration


def test_a_line_is_a_configuration() -> None:
    """`name:key=value,key=value`, each value of its setting's type; a name alone has the defaults."""
    one = parse_configuration("mine:mode=dense,alpha=1,chunk_size=64,embedder=hashing:64,language=none")
    settings = {"mode": "dense", "alpha": 1.0, "chunk_size": 64, "embedder": "hashing:64", "language": "none"}
    assert one == Configuration("mine", settings)
    assert isinstance(one.settings["alpha"], float)
    assert parse_configuration("default") == Configuration() == parse_configuration("default:")


def test_settings_are_those_of_a_search_or_of_the_garden() -> None:
    """Those of a search need nothing stored anew, nor do those that change nothing of what is stored."""
    one = parse_configuration("mine:fusion=rrf,reranker=mmr:0.5,expander=prf:5,times=true,chunk_size=64,threads=1")
    assert one.search == {"fusion": "rrf", "reranker": "mmr:0.5", "expander": "prf:5", "times": True}
    assert one.opening == {"chunk_size": 64, "threads": 1}
    assert one.storing == {"chunk_size": 64}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fusion=rrf", "has no name"),
        (":fusion=rrf", "needs a name"),
        ("x:fusion", "'fusion' sets nothing"),
        ("x:fusion=", "sets nothing"),
        ("x:k3=1", "unknown setting 'k3': there are alpha, "),
        ("x:chroma=none", "unknown setting 'chroma'"),
        ("x:alpha=high", "alpha is float, not 'high'"),
        ("x:alpha=2", "configuration 'x': alpha"),
        ("x:fusion=best", "configuration 'x': unknown fusion 'best'"),
        ("x:reranker=best", "configuration 'x': unknown reranker 'best'"),
        ("x:expander=best", "configuration 'x': unknown expander 'best'"),
        ("x:times=maybe", "times is bool, not 'maybe'"),
        ("x:rerank_depth=0", "configuration 'x': rerank_depth is a whole number"),
        ("x:mode=both", "configuration 'x': the mode is one of"),
        ("x:chunk_size=3", "configuration 'x': chunk_size is 16"),
    ],
)
def test_what_is_no_configuration_is_refused(line: str, said: str) -> None:
    """With what it should be."""
    with pytest.raises(InvalidSetting, match=said):
        parse_configuration(line)
