"""Adapter of rule figure_learning."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.learning import draw_learning
    from smartnet.figures.style import using

    names = [*snakemake.params.pretexts, *snakemake.params.models]
    histories = [*snakemake.input.upstream, *snakemake.input.downstream]
    with using(snakemake.params.style):
        draw_learning(
            dict(zip(names, map(Path, histories), strict=True)),
            snakemake.params.compared,
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
