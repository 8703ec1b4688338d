"""Adapter of rule figure_lesions."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.lesions import draw_lesions
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_lesions(
            Path(snakemake.input.metrics),
            snakemake.params.models,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
