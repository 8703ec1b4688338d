"""Adapter of rule figure_montage."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.montage import draw_montage
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_montage(
            [Path(folder) for folder in snakemake.input.volumes],
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
