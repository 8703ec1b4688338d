"""Adapter of rule volumes."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.volume.build import build_shard

    build_shard(
        Path(snakemake.input.catalog),
        Path(snakemake.input.identity),
        Path(snakemake.output.folder),
        folder=Path(snakemake.params.folder),
        masks=Path(snakemake.params.masks) if snakemake.params.masks else None,
        uneven_spacing=snakemake.params.uneven_spacing,
        pictures=Path(snakemake.params.pictures),
        on_rejected=snakemake.params.on_rejected,
        threads=snakemake.threads,
    )
