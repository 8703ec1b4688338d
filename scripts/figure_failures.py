"""Adapter of rule figure_failures."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.failures import draw_failures
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_failures(
            snakemake.params.runs,
            [Path(folder) for folder in snakemake.input.volumes],
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
