"""Adapter of rule figure_comparison."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.comparison import draw_comparison
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_comparison(
            Path(snakemake.input.metrics),
            Path(snakemake.input.comparisons),
            snakemake.params.references,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
