"""Adapter of rule catalog."""

from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    from smartnet.dicom.catalog import catalog_shard

    key, masks = snakemake.input.key, snakemake.params.masks
    catalog_shard(
        Path(snakemake.input.index),
        folder=Path(snakemake.params.folder),
        labels=Path(snakemake.params.labels),
        masks=Path(masks) if masks else None,
        dataset=snakemake.wildcards.dataset,
        shard=int(snakemake.wildcards.shard),
        shards=snakemake.params.shards,
        key=Path(key).read_bytes() if key else b"phantom",
        slice_thickness_mm=snakemake.params.slice_thickness_mm,
        exclude=snakemake.params.exclude,
        uneven_spacing=snakemake.params.uneven_spacing,
        catalog=Path(snakemake.output.catalog),
        identity=Path(snakemake.output.identity),
    )
