"""Adapter of rule phi_scan."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.privacy.scan import scan_study

    scan_study(
        [Path(table) for table in snakemake.input.private],
        [Path(folder) for folder in snakemake.params.folders],
        configured=snakemake.params.configured,
        ignore=snakemake.params.ignore,
        spellings=Path(snakemake.output.spellings),
        output=Path(snakemake.output.counts),
    )
