"""Adapter of rule predict_classification."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.predict.classification import predict_classification

    predict_classification(
        Path(snakemake.input.weights).parent,
        [Path(folder) for folder in snakemake.input.slices],
        Path(snakemake.input.split),
        dataset=snakemake.wildcards.dataset,
        output=Path(snakemake.output.table),
        gpu=snakemake.resources.gpu,
        threads=snakemake.threads,
        max_slices=snakemake.params.max_slices,
    )
