"""Predictions on every test set, and the one table of metrics.

In: trained models, slices, volumes. Out: results/predictions/{model}/seed-{seed}/ and results/metrics.csv.
"""


rule predict_classification:
    """Answer for every scan of a test set: hemorrhage or not."""
    input:
        weights="results/downstream/{model}/seed-{seed}/model.safetensors",
        architecture="results/downstream/{model}/seed-{seed}/model.json",
        slices=slices_of_dataset,
        split="results/split.tsv",
    output:
        table="results/predictions/{model}/seed-{seed}/{dataset}.csv",
    log:
        "logs/predict/{model}/seed-{seed}/{dataset}.log",
    benchmark:
        "benchmarks/predict/{model}/seed-{seed}/{dataset}.tsv"
    wildcard_constraints:
        model=one_of(models_of("classification", LEARNED)),
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=1,
    params:
        max_slices=config["downstream"]["classification"]["max_slices"],
        code=fingerprint("smartnet.predict.classification"),
    script:
        "../scripts/predict_classification.py"


rule predict_segmentation:
    """Draw the mask of every scan of a test set on the scan's own grid."""
    input:
        weights="results/downstream/{model}/seed-{seed}/model.safetensors",
        architecture="results/downstream/{model}/seed-{seed}/model.json",
        threshold="results/downstream/{model}/seed-{seed}/threshold.json",
        slices=slices_of_dataset,
        volumes=volumes_of_dataset,
        split="results/split.tsv",
    output:
        table="results/predictions/{model}/seed-{seed}/{dataset}.csv",
        masks=directory("results/predictions/{model}/seed-{seed}/{dataset}"),
    log:
        "logs/predict/{model}/seed-{seed}/{dataset}.log",
    benchmark:
        "benchmarks/predict/{model}/seed-{seed}/{dataset}.tsv"
    wildcard_constraints:
        model=one_of(models_of("segmentation", LEARNED)),
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=1,
    params:
        max_slices=config["downstream"]["segmentation"]["max_slices"],
        code=fingerprint("smartnet.predict.segmentation"),
    script:
        "../scripts/predict_segmentation.py"


rule predict_baseline:
    """Call everything brighter than the threshold inside the skull blood."""
    input:
        threshold="results/downstream/{model}/seed-{seed}/threshold.json",
        volumes=volumes_of_dataset,
        split="results/split.tsv",
    output:
        table="results/predictions/{model}/seed-{seed}/{dataset}.csv",
        masks=directory("results/predictions/{model}/seed-{seed}/{dataset}"),
    log:
        "logs/predict/{model}/seed-{seed}/{dataset}.log",
    wildcard_constraints:
        model=one_of(BASELINES),
    conda:
        "../envs/imaging.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        task=lambda wildcards: MODELS[wildcards.model].task,
        threshold_hu=config["baseline"]["threshold_hu"],
        code=fingerprint("smartnet.predict.baseline"),
    script:
        "../scripts/predict_baseline.py"


rule metrics:
    """Measure every model on every test set, in one tidy table."""
    input:
        tables=column(runs(), "table"),
        thresholds=column(runs(), "threshold"),
        localisations=column(localisations(), "table"),
    output:
        metrics="results/metrics.csv",
    log:
        "logs/metrics.log",
    benchmark:
        "benchmarks/metrics.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        runs=runs(),
        localisations=localisations(),
        settings=config["evaluation"],
        seed=config["seed"],
        code=fingerprint("smartnet.metrics.evaluate"),
    script:
        "../scripts/metrics.py"
