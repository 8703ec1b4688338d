"""Phantom heads as raw DICOM, for data sets without a path.

In: nothing. Out: resources/phantom/{dataset}/ with DICOM series, truth masks and labels.
"""


rule phantom:
    """Make a data set of synthetic heads, written as real DICOM."""
    output:
        folder=directory("resources/phantom/{dataset}"),
    log:
        "logs/phantom/{dataset}.log",
    benchmark:
        "benchmarks/phantom/{dataset}.tsv"
    priority: 10
    conda:
        "../envs/imaging.yaml"
    threads: lambda wildcards: max(1, DATASETS[wildcards.dataset]["phantom"]["cases"] // 100)
    resources:
        mem_mb=growing_by_thread(1500),
        runtime=growing(60),
    params:
        phantom=lambda wildcards: DATASETS[wildcards.dataset]["phantom"],
        settings={"matrix": config["phantom"]["matrix"], "seed": config["seed"]},
        code=code_of("smartnet.phantom.dataset"),
    script:
        "../scripts/phantom.py"
