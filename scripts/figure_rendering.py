"""Adapter of rule figure_rendering."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.rendering import draw_rendering
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_rendering(
            snakemake.params.model,
            [Path(table) for table in snakemake.input.tables],
            Path(snakemake.input.cases),
            [Path(folder) for folder in snakemake.input.volumes],
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
