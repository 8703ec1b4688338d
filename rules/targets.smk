"""Targets: what can be asked for by name."""


rule all:
    """The whole study: every figure and every table."""
    default_target: True
    input:
        FIGURES,
        TABLES,
        "results/metrics.csv",


rule figures:
    """All figures, from cached tables and maps."""
    input:
        FIGURES,


rule tables:
    """All tables."""
    input:
        TABLES,


rule data:
    """Slices and split only: what training needs."""
    input:
        shard_folders("slices", DATASETS),
        "results/split.tsv",
