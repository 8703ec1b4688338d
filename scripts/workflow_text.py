"""Adapter of rule workflow_text."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.provenance.build import keep_text

    keep_text(
        Path(snakemake.input.snakefile),
        [Path(file) for file in snakemake.input.rules],
        Path(snakemake.output.folder),
    )
