"""Adapter of rule measures."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.metrics.measures import measure_masks

    measure_masks(
        Path(snakemake.input.table),
        Path(snakemake.input.masks),
        [Path(folder) for folder in snakemake.input.volumes],
        output=Path(snakemake.output.table),
        output_lesions=Path(snakemake.output.lesions),
        threads=snakemake.threads,
        **snakemake.params.settings,
    )
