"""Adapter of rule figure_agreement."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.agreement import draw_agreement
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_agreement(
            snakemake.params.runs,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
