"""Adapter of rule visual_words."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake, stored=True) as taken:
    if not taken:
        from smartnet.training.visual_words import find_words

        find_words(
            slices=[Path(folder) for folder in snakemake.input.slices],
            split=Path(snakemake.input.split),
            upstream=Path(snakemake.input.weights).parent,
            output=Path(snakemake.output.words),
            settings=snakemake.params.words,
            seed=int(snakemake.wildcards.seed),
            gpu=snakemake.resources.gpu,
            threads=snakemake.threads,
        )
