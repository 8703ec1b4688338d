"""Adapter of rule predict_segmentation."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.predict.segmentation import predict_segmentation

    predict_segmentation(
        Path(snakemake.input.weights).parent,
        [Path(folder) for folder in snakemake.input.slices],
        [Path(folder) for folder in snakemake.input.volumes],
        Path(snakemake.input.split),
        dataset=snakemake.wildcards.dataset,
        output=Path(snakemake.output.table),
        masks=Path(snakemake.output.masks),
        gpu=snakemake.resources.gpu,
        threads=snakemake.threads,
        max_slices=snakemake.params.max_slices,
    )
