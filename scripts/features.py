"""Adapter of rule features."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.features import extract_features

    extract_features(
        Path(snakemake.input.weights).parent,
        [Path(folder) for folder in snakemake.input.slices],
        Path(snakemake.input.split),
        output=Path(snakemake.output.table).parent,
        gpu=snakemake.resources.gpu,
        threads=snakemake.threads,
        **snakemake.params.settings,
    )
