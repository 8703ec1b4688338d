"""Adapter of rule metrics."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.metrics.evaluate import evaluate

    evaluate(
        snakemake.params.runs,
        [Path(folder, "cases.tsv") for folder in snakemake.input.volumes],
        output=Path(snakemake.output.metrics),
        settings=snakemake.params.settings,
        seed=snakemake.params.seed,
        localisations=snakemake.params.localisations,
        features=snakemake.params.features,
    )
