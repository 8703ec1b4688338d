"""Adapter of rule table_operators."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.ablation import table_operators

    table_operators(
        Path(snakemake.input.metrics),
        snakemake.params.models,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
