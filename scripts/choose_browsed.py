"""Adapter of rule choose_browsed."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.browser.errors import choose_browsed

    choose_browsed(
        snakemake.params.runs,
        count=snakemake.params.per_dataset,
        output=Path(snakemake.output.cases),
    )
