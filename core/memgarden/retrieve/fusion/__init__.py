"""How the legs' scores become one; a file a method."""

FUSIONS = {
    "zscore": "memgarden.retrieve.fusion.zscore:zscore",
    "rrf": "memgarden.retrieve.fusion.rrf:reciprocal_rank",
    "rank-linear": "memgarden.retrieve.fusion.rank_linear:rank_linear",
    "max": "memgarden.retrieve.fusion.max_norm:max_norm",
    "tmm": "memgarden.retrieve.fusion.tmm:theoretical_min_max",
    "weighted": "memgarden.retrieve.fusion.weighted:weighted",
}

BY_RANK = frozenset({"rrf", "rank-linear"})
"""Their best scores lie close together whatever the legs say, so that a boost by scores would outweigh them."""
