"""Adapter of rule table_published."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.figures.tables import table_published

    table_published(
        Path(snakemake.input.metrics),
        Path(snakemake.input.comparisons),
        Path(snakemake.input.published),
        phantoms=snakemake.params.phantoms,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
