"""Adapter of rule upstream."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake, stored=True) as taken:
    if not taken:
        from smartnet.training.upstream import train_upstream

        train_upstream(
            slices=[Path(folder) for folder in snakemake.input.slices],
            split=Path(snakemake.input.split),
            output=Path(snakemake.output.weights).parent,
            state=Path("resources/state"),
            network=snakemake.params.network,
            pretext=snakemake.params.pretext,
            settings=snakemake.params.settings,
            augmentation=snakemake.params.augmentation,
            seed=int(snakemake.wildcards.seed),
            gpu=snakemake.resources.gpu,
            threads=snakemake.threads,
            code=snakemake.params.code,
            words=snakemake.input.words or snakemake.params.words["folder"],
        )
