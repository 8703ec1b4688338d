"""Adapter of rule split."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.slices.split import make_split

    make_split(
        [Path(folder, "cases.tsv") for folder in snakemake.input.slices],
        Path(snakemake.output.split),
        roles=snakemake.params.roles,
        valid_fraction=snakemake.params.valid_fraction,
        seed=snakemake.params.seed,
    )
