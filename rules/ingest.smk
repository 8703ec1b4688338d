"""From DICOM files to volumes in Hounsfield units.

In: the raw folder of a data set. Out: results/catalog/{dataset}/{shard}.tsv and results/volumes/{dataset}/{shard}/;
private: resources/index/ and resources/identity/, which hold identifiers and never enter results/.
"""


rule identity_key:
    """Draw the secret behind the pseudonyms, once; keep it to keep the names."""
    output:
        key=protected("resources/identity/key"),
    log:
        "logs/identity_key.log",
    localrule: True
    conda:
        "../envs/imaging.yaml"
    script:
        "../scripts/identity_key.py"


# Where data of one's own lie is handed on by functions of `input`: by these Snakemake does not judge whether a job
# is up to date, so that a data set that moves reruns nothing.


rule index:
    """Read every file's header once, without pixels. What changes later in data of one's own is read when a run is planned."""
    input:
        folder=phantom_folder,
    output:
        index="resources/index/{dataset}.tsv",
        private="resources/index/{dataset}_private.tsv",
    log:
        "logs/index/{dataset}.log",
    benchmark:
        "benchmarks/index/{dataset}.tsv"
    conda:
        "../envs/imaging.yaml"
    threads: 4
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        folder=lambda wildcards, input: raw_folder(wildcards),
        code=INDEX_CODE,
    script:
        "../scripts/index.py"


rule catalog:
    """Group files into series and give each a pseudonym, a verdict and a reason."""
    input:
        index="resources/index/{dataset}.tsv",
        folder=phantom_folder,
        key=identity_key,
    output:
        catalog="results/catalog/{dataset}/{shard}.tsv",
        identity="resources/identity/{dataset}/{shard}.tsv",
    log:
        "logs/catalog/{dataset}/{shard}.log",
    benchmark:
        "benchmarks/catalog/{dataset}/{shard}.tsv"
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        shards=lambda wildcards: DATASETS[wildcards.dataset]["shards"],
        folder=lambda wildcards, input: raw_folder(wildcards),
        labels=lambda wildcards, input: raw_labels(wildcards),
        masks=lambda wildcards, input: masks_folder(wildcards),
        files=shard_state,
        slice_thickness_mm=config["ingest"]["slice_thickness_mm"],
        exclude=config["ingest"]["exclude"],
        uneven_spacing=config["ingest"]["uneven_spacing"],
        code=code_of("smartnet.dicom.catalog"),
    script:
        "../scripts/catalog.py"


rule volumes:
    """Read pixels, convert to HU, straighten gantry tilt, match masks."""
    input:
        catalog="results/catalog/{dataset}/{shard}.tsv",
        identity="resources/identity/{dataset}/{shard}.tsv",
        folder=phantom_folder,
    output:
        folder=directory("results/volumes/{dataset}/{shard}"),
    log:
        "logs/volumes/{dataset}/{shard}.log",
    benchmark:
        "benchmarks/volumes/{dataset}/{shard}.tsv"
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing_by_thread(1500),
        runtime=growing(60),
    params:
        folder=lambda wildcards, input: raw_folder(wildcards),
        masks=lambda wildcards, input: masks_folder(wildcards),
        files=shard_state,  # a corrected mask changes no byte of the catalog
        uneven_spacing=config["ingest"]["uneven_spacing"],
        pictures="logs/volumes/{dataset}/{shard}",
        on_rejected=config["ingest"]["on_rejected"],
        code=code_of("smartnet.volume.build"),
    script:
        "../scripts/volumes.py"
