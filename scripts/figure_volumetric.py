"""Adapter of rule figure_volumetric."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.style import using
    from smartnet.figures.volumetric import draw_volumetric

    with using(snakemake.params.style):
        draw_volumetric(
            Path(snakemake.input.maps).parent,
            Path(snakemake.input.cases),
            [Path(folder) for folder in snakemake.input.volumes],
            [Path(table).with_suffix("") for table in snakemake.input.predictions],
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
