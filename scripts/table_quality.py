"""Adapter of rule table_quality."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.quality.summary import table_quality

    table_quality(
        [Path(folder) for folder in snakemake.input.volumes],
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
