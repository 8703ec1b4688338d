"""Adapter of rule phantom."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.phantom.dataset import generate_dataset

    generate_dataset(
        Path(snakemake.output.folder),
        dataset=snakemake.wildcards.dataset,
        seed=snakemake.params.seed,
        matrix=snakemake.params.matrix,
        workers=snakemake.threads,
        **snakemake.params.phantom,
    )
