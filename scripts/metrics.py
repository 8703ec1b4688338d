"""Adapter of rule metrics."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.metrics.evaluate import evaluate

    evaluate(
        snakemake.params.runs,
        output=Path(snakemake.output.metrics),
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
        localisations=snakemake.params.localisations,
    )
