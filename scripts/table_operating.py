"""Adapter of rule table_operating."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.tables import table_operating

    table_operating(
        Path(snakemake.input.metrics),
        snakemake.params.models,
        snakemake.params.prevalences,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
