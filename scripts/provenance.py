"""Adapter of rule provenance."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.provenance.build import write_provenance

    write_provenance(
        snakemake.params.citation,
        snakemake.input.study,
        table=Path(snakemake.output.table),
        crate=Path(snakemake.output.crate),
        threads=snakemake.threads,
    )
