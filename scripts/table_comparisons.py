"""Adapter of rule table_comparisons."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.comparison import table_comparisons

    table_comparisons(
        Path(snakemake.input.comparisons),
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
