"""Adapter of rule table_comparisons."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.figures.comparison import table_comparisons

    table_comparisons(
        Path(snakemake.input.comparisons),
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
