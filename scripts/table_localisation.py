"""Adapter of rule table_localisation."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.figures.localisation import table_localisation

    table_localisation(
        Path(snakemake.input.metrics),
        snakemake.params.pretexts,
        output_csv=Path(snakemake.output.csv),
        output_tex=Path(snakemake.output.tex),
    )
