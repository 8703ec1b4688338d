"""Adapter of rule figure_datasets."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.datasets import draw_datasets
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_datasets(
            [Path(folder, "cases.tsv") for folder in snakemake.input.volumes],
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
