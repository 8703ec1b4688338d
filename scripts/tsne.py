"""Adapter of rule tsne."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.explain.embedding import embed_tsne

    embed_tsne(
        Path(snakemake.input.table).parent,
        perplexity=snakemake.params.perplexity,
        seed=snakemake.params.draw_seed,
        threads=snakemake.threads,
    )
