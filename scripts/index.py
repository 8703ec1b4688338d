"""Adapter of rule index."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.dicom.index import index_folder

    index_folder(
        Path(snakemake.params.folder),
        Path(snakemake.output.index),
        threads=snakemake.threads,
        private=Path(snakemake.output.private),
        code=snakemake.params.code,
    )
