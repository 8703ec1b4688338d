"""Adapter of rule table_quality."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.quality.summary import table_quality

    table_quality(
        [Path(folder) for folder in snakemake.input.volumes],
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
