"""Adapter of rule volumes."""

from pathlib import Path

from smartnet.job.run import job
from smartnet.volume.build import build_shard, files_read

masks = Path(snakemake.params.masks) if snakemake.params.masks else None
identity, folder = Path(snakemake.input.identity), Path(snakemake.params.folder)

with job(snakemake, stored=True, reads=lambda: files_read(identity, folder, masks)) as taken:
    if not taken:
        build_shard(
            Path(snakemake.input.catalog),
            identity,
            Path(snakemake.output.folder),
            folder=folder,
            masks=masks,
            uneven_spacing=snakemake.params.uneven_spacing,
            pictures=Path(snakemake.params.pictures),
            on_rejected=snakemake.params.on_rejected,
            threads=snakemake.threads,
        )
