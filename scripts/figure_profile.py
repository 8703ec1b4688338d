"""Adapter of rule figure_profile."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.profile import draw_profile
    from smartnet.figures.style import using

    with using(snakemake.params.style):
        draw_profile(
            Path(snakemake.input.profile).parent,
            Path(snakemake.input.cases),
            [Path(folder) for folder in snakemake.input.volumes],
            [Path(table) for table in snakemake.input.predictions],
            start=snakemake.params.start,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
