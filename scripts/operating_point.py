"""Adapter of rule operating_point."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.operating_point import choose_operating_point

    choose_operating_point(
        Path(snakemake.input.validation),
        criterion=snakemake.params.criterion,
        output=Path(snakemake.output.threshold),
    )
