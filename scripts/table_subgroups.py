"""Adapter of rule table_subgroups."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.figures.subgroups import table_subgroups

    table_subgroups(
        Path(snakemake.input.metrics),
        snakemake.params.references,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
