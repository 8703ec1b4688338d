"""Adapter of rule contact_sheets."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.quality.sheets import write_sheets

    write_sheets(Path(snakemake.input.volumes), Path(snakemake.output.folder))
