"""Stage 2: the encoder and a 3D operator answer for whole scans; baselines get their operating point.

In: slices, split, an upstream encoder. Out: results/downstream/{model}/seed-{seed}/.
"""


rule downstream:
    """Train a classifier or segmenter of scans and fix its operating point on validation."""
    input:
        slices=slices_of_role("development"),
        split="results/split.tsv",
        weights=start_of_model,
        start=lambda wildcards: start_of_model(wildcards).replace("model.safetensors", "run.json"),
    output:
        weights="results/downstream/{model}/seed-{seed}/model.safetensors",
        architecture="results/downstream/{model}/seed-{seed}/model.json",
        history="results/downstream/{model}/seed-{seed}/history.csv",
        run="results/downstream/{model}/seed-{seed}/run.json",
        threshold="results/downstream/{model}/seed-{seed}/threshold.json",
    log:
        "logs/downstream/{model}/seed-{seed}.log",
    benchmark:
        "benchmarks/downstream/{model}/seed-{seed}.tsv"
    wildcard_constraints:
        model=one_of(LEARNED),
    priority: 40
    conda:
        "../envs/training.yaml"
    threads: devices_of_model
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * devices_of_model(wildcards) * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=devices_of_model,
    params:
        network=config["network"],
        task=lambda wildcards: MODELS[wildcards.model].task,
        operator=lambda wildcards: MODELS[wildcards.model].operator,
        settings=lambda wildcards: config["downstream"][MODELS[wildcards.model].task],
        augmentation=config["augmentation"],
        code=fingerprint("smartnet.training.downstream"),
    script:
        "../scripts/downstream.py"


rule fit_baseline:
    """Fix the operating point of the threshold baseline on validation."""
    input:
        volumes=shard_folders(
            "volumes", [name for name in DATASETS if DATASETS[name]["role"] == "development"]
        ),
        split="results/split.tsv",
    output:
        threshold="results/downstream/{model}/seed-{seed}/threshold.json",
    log:
        "logs/fit_baseline/{model}/seed-{seed}.log",
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
        "../scripts/fit_baseline.py"
