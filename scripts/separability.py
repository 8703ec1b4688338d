"""Adapter of rule separability."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.separability import measure_separability

    measure_separability(
        Path(snakemake.input.table).parent,
        **snakemake.params.settings,
    )
