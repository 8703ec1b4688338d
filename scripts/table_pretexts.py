"""Adapter of rule table_pretexts."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.ablation import table_pretexts

    table_pretexts(
        Path(snakemake.input.metrics),
        snakemake.params.models,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
