"""Adapter of rule figure_gradcam."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.panels import draw_gradcam
    from smartnet.figures.style import using

    folders = [Path(table).parent for table in snakemake.input.maps]
    with using(snakemake.params.style):
        draw_gradcam(
            dict(zip(snakemake.params.pretexts, folders, strict=True)),
            Path(snakemake.input.cases),
            [Path(folder) for folder in snakemake.input.slices],
            split=Path(snakemake.input.split),
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
