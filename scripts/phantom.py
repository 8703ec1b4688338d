"""Adapter of rule phantom."""

from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    from smartnet.phantom.dataset import generate_dataset

    generate_dataset(
        Path(snakemake.output.folder),
        dataset=snakemake.wildcards.dataset,
        seed=snakemake.params.seed,
        matrix=snakemake.params.matrix,
        workers=snakemake.threads,
        **snakemake.params.phantom,
    )
