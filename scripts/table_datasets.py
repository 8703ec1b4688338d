"""Adapter of rule table_datasets."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.datasets import table_datasets

    table_datasets(
        [Path(folder, "cases.tsv") for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
