"""Adapter of rule figure_calibration."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.calibration import draw_calibration
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_calibration(
            snakemake.params.runs,
            Path(snakemake.input.metrics),
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
