"""Adapter of rule figure_tsne."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.style import using
    from smartnet.figures.tsne import draw_tsne

    with using(snakemake.params.style):
        draw_tsne(
            dict(zip(snakemake.params.pretexts, map(Path, snakemake.input.tables), strict=True)),
            Path(snakemake.input.metrics),
            seed=snakemake.params.seed,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
