"""From volumes to the slices that networks see, and the split by patient.

In: results/volumes/. Out: results/slices/{dataset}/{shard}/ and results/split.tsv.
"""


rule slices:
    """Window, resize and equalise every slice into one memory-mapped array per shard."""
    input:
        volumes="results/volumes/{dataset}/{shard}",
    output:
        folder=directory("results/slices/{dataset}/{shard}"),
    log:
        "logs/slices/{dataset}/{shard}.log",
    benchmark:
        "benchmarks/slices/{dataset}/{shard}.tsv"
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        preprocess=config["preprocess"],
        code=code_of("smartnet.slices.build"),
    script:
        "../scripts/slices.py"


rule split:
    """Divide the patients into train, valid and test, and check that none is in two of them."""
    input:
        slices=shard_folders("slices", DATASETS),
    output:
        split="results/split.tsv",
    log:
        "logs/split.log",
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        roles={name: entry["role"] for name, entry in DATASETS.items()},
        valid_fraction=config["split"]["valid_fraction"],
        seed=config["seed"],
        code=code_of("smartnet.slices.split"),
    script:
        "../scripts/split.py"
