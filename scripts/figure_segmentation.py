"""Adapter of rule figure_segmentation."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.segmentation import draw_segmentation
    from smartnet.figures.style import using

    masks = {}
    for run in snakemake.params.runs:
        masks.setdefault(run["model"], []).append(Path(run["table"]).with_suffix(""))
    with using(snakemake.params.style):
        draw_segmentation(
            masks,
            Path(snakemake.input.cases),
            [Path(folder) for folder in snakemake.input.volumes],
            output_pdf=Path(snakemake.output.pdf),
            output_png=Path(snakemake.output.png),
        )
