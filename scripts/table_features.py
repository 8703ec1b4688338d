"""Adapter of rule table_features."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.features import table_features

    table_features(
        Path(snakemake.input.metrics),
        snakemake.params.starts,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
