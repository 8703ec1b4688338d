"""Adapter of rule table_lesions."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.tables import table_lesions

    table_lesions(
        Path(snakemake.input.metrics),
        snakemake.params.models,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
