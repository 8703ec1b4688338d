"""Adapter of rule phantom."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.phantom.dataset import generate_dataset

    generate_dataset(
        Path(snakemake.output.folder),
        dataset=snakemake.wildcards.dataset,
        workers=snakemake.threads,
        **snakemake.params.phantom,
        **snakemake.params.settings,
    )
