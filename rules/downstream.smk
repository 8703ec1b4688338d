"""Stage 2: the encoder and a 3D operator learn to answer for whole scans; every model gets its operating point.

In: slices, split, an upstream encoder. Out: results/downstream/{model}/seed-{seed}/.
"""


rule downstream:
    """Train a classifier or segmenter of scans and let it answer for the validation scans."""
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
        validation="results/downstream/{model}/seed-{seed}/validation.csv",
    log:
        "logs/downstream/{model}/seed-{seed}.log",
    benchmark:
        "benchmarks/downstream/{model}/seed-{seed}.tsv"
    wildcard_constraints:
        model=one_of(LEARNED),
    priority: 40
    conda:
        "../envs/training.yaml"
    threads: devices_of
    resources:
        mem_mb=growing_by_device(3000),
        runtime=growing(1440),
        gpu=devices_of,
    params:
        network=config["network"],
        task=lambda wildcards: MODELS[wildcards.model].task,
        operator=lambda wildcards: MODELS[wildcards.model].operator,
        settings=lambda wildcards: config["downstream"][MODELS[wildcards.model].task],
        augmentation=config["augmentation"],
        code=lambda wildcards: code_of_models("smartnet.training.downstream", wildcards.model),
    script:
        "../scripts/downstream.py"


rule validate_baseline:
    """Let the threshold baseline answer for the validation scans."""
    input:
        volumes=shard_folders(
            "volumes", [name for name in DATASETS if DATASETS[name]["role"] == "development"]
        ),
        split="results/split.tsv",
    output:
        validation="results/downstream/{model}/seed-{seed}/validation.csv",
    log:
        "logs/validate_baseline/{model}/seed-{seed}.log",
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
        "../scripts/validate_baseline.py"


rule operating_point:
    """Fix the operating point of a model, and the temperature of a classifier, on its validation scans."""
    input:
        validation="results/downstream/{model}/seed-{seed}/validation.csv",
    output:
        threshold="results/downstream/{model}/seed-{seed}/threshold.json",
    log:
        "logs/operating_point/{model}/seed-{seed}.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        criterion=criterion_of_model,
        code=code_of("smartnet.operating_point"),
    script:
        "../scripts/operating_point.py"
