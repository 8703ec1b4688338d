"""Adapter of rule table_segmentation."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.tables import table_segmentation

    table_segmentation(
        Path(snakemake.input.metrics),
        Path(snakemake.input.comparisons),
        snakemake.params.models,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
