"""Adapter of rule slices."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake, stored=True) as taken:
    if not taken:
        from smartnet.slices.build import build_shard

        build_shard(
            Path(snakemake.input.volumes), Path(snakemake.output.folder), **snakemake.params.preprocess
        )
