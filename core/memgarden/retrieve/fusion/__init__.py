"""How the legs' scores become one; a file a method."""

FUSIONS = {
    "zscore": "memgarden.retrieve.fusion.zscore:zscore",
    "rrf": "memgarden.retrieve.fusion.rrf:reciprocal_rank",
    "weighted": "memgarden.retrieve.fusion.weighted:weighted",
}
