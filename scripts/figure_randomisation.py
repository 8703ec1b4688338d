"""Adapter of rule figure_randomisation."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.randomisation import draw_randomisation
    from smartnet.figures.style import using

    tables = [Path(table) for table in snakemake.input.tables]
    with using(snakemake.params.style):
        draw_randomisation(
            dict(zip(snakemake.params.pretexts, tables, strict=True)),
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
