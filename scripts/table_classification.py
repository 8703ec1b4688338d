"""Adapter of rule table_classification."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.tables import table_classification

    table_classification(
        Path(snakemake.input.metrics),
        Path(snakemake.input.comparisons),
        snakemake.params.models,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
