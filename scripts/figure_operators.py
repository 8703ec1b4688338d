"""Adapter of rule figure_operators."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.operators import draw_operators
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_operators(
            Path(snakemake.input.metrics),
            snakemake.params.models,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
