"""Adapter of rule pretrained."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.training.pretrained import write_pretrained

    write_pretrained(
        source=Path(snakemake.params.source),
        output=Path(snakemake.output.weights).parent,
        pretext=snakemake.wildcards.pretext,
        network=snakemake.params.network,
        decoder=snakemake.params.decoder,
        seed=int(snakemake.wildcards.seed),
        threads=snakemake.threads,
        code=snakemake.params.code,
    )
