"""Predictions on every test set, measures of the predicted masks, the one table of metrics, tests between models.

In: trained models, slices, volumes. Out: results/predictions/{model}/seed-{seed}/,
results/measures/{model}/seed-{seed}/, results/metrics.csv and results/comparisons.csv.
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
        mem_mb=growing(2000),
        runtime=growing(120),
        gpu=1,
    params:
        max_slices=config["downstream"]["classification"]["max_slices"],
        code=lambda wildcards: code_of_models("smartnet.predict.classification", wildcards.model),
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
        mem_mb=growing(2000),
        runtime=growing(120),
        gpu=1,
    params:
        max_slices=config["downstream"]["segmentation"]["max_slices"],
        code=lambda wildcards: code_of_models("smartnet.predict.segmentation", wildcards.model),
    script:
        "../scripts/predict_segmentation.py"


rule predict_baseline:
    """Call everything brighter than the threshold inside the skull blood."""
    input:
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
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        task=lambda wildcards: MODELS[wildcards.model].task,
        threshold_hu=config["baseline"]["threshold_hu"],
        code=code_of("smartnet.predict.baseline"),
    script:
        "../scripts/predict_baseline.py"


rule measures:
    """Measure a segmenter's masks against the reference, scan by scan and lesion by lesion."""
    input:
        table="results/predictions/{model}/seed-{seed}/{dataset}.csv",
        masks="results/predictions/{model}/seed-{seed}/{dataset}",
        volumes=volumes_of_dataset,
    output:
        table="results/measures/{model}/seed-{seed}/{dataset}.csv",
        lesions="results/measures/{model}/seed-{seed}/{dataset}_lesions.csv",
    log:
        "logs/measures/{model}/seed-{seed}/{dataset}.log",
    benchmark:
        "benchmarks/measures/{model}/seed-{seed}/{dataset}.tsv"
    wildcard_constraints:
        model=one_of(models_of("segmentation")),
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        settings={
            "tolerance_mm": config["evaluation"]["surface_tolerance_mm"],
            "min_lesion_ml": config["evaluation"]["min_lesion_ml"],
            "lesion_overlap": config["evaluation"]["lesion_overlap"],
        },
        code=code_of("smartnet.metrics.measures"),
    script:
        "../scripts/measures.py"


rule metrics:
    """Measure every model on every test set and its subgroups, in one tidy table."""
    input:
        tables=column(runs(), "table"),
        thresholds=column(runs(), "threshold"),
        volumes=shard_folders("volumes", TEST_SETS),
        measures=column(runs("segmentation"), "measures"),
        lesions=column(runs("segmentation"), "lesions"),
        localisations=column(of_starts(LOCALISATION), "table"),
        features=column(of_starts(SEPARABILITY), "table"),
    output:
        metrics="results/metrics.csv",
    log:
        "logs/metrics.log",
    benchmark:
        "benchmarks/metrics.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        runs=runs(),
        localisations=of_starts(LOCALISATION),
        features=of_starts(SEPARABILITY),
        settings={key: config["evaluation"][key] for key in ("replicates", "prevalence", "lesion_bins_ml")},
        seed=config["seed"],
        code=code_of("smartnet.metrics.evaluate"),
    script:
        "../scripts/metrics.py"


rule comparisons:
    """Test every model against the reference of its task, on every test set."""
    input:
        tables=column(runs(), "table"),
        thresholds=column(runs(), "threshold"),
    output:
        comparisons="results/comparisons.csv",
    log:
        "logs/comparisons.log",
    benchmark:
        "benchmarks/comparisons.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        runs=runs(),
        references=REFERENCES,
        settings={"replicates": config["evaluation"]["replicates"]},
        seed=config["seed"],
        code=code_of("smartnet.metrics.comparisons"),
    script:
        "../scripts/comparisons.py"
