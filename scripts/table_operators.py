"""Adapter of rule table_operators."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.figures.ablation import table_operators

    table_operators(
        Path(snakemake.input.metrics),
        snakemake.params.models,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
