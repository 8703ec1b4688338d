"""Adapter of rule figure_subgroups."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.style import using
    from smartnet.figures.subgroups import draw_subgroups

    with using(snakemake.params.style):
        draw_subgroups(
            Path(snakemake.input.metrics),
            snakemake.params.references,
            snakemake.params.baselines,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
