"""Adapter of rule comparisons."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.metrics.comparisons import compare

    compare(
        snakemake.params.runs,
        snakemake.params.references,
        output=Path(snakemake.output.comparisons),
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
    )
