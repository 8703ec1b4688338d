"""Adapter of rule slices."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.slices.build import build_shard

    build_shard(Path(snakemake.input.volumes), Path(snakemake.output.folder), **snakemake.params.preprocess)
