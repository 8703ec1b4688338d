"""Adapter of rule tsne."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.embedding import embed_tsne

    embed_tsne(
        Path(snakemake.input.table).parent,
        threads=snakemake.threads,
        **snakemake.params.settings,
    )
