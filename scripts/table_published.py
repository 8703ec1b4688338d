"""Adapter of rule table_published."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.tables import table_published

    table_published(
        Path(snakemake.input.metrics),
        Path(snakemake.input.comparisons),
        Path(snakemake.input.published),
        phantoms=snakemake.params.phantoms,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
