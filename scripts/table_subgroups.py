"""Adapter of rule table_subgroups."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.subgroups import table_subgroups

    table_subgroups(
        Path(snakemake.input.metrics),
        snakemake.params.references,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
