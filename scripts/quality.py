"""Adapter of rule quality."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.quality.page import write_page

    write_page(
        [Path(folder) for folder in snakemake.input.volumes],
        [Path(folder) for folder in snakemake.input.sheets],
        Path(snakemake.input.template),
        Path(snakemake.output.page),
    )
