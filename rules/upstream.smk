"""Stage 1: an encoder learns from slices with up to three heads.

In: slices and split. Out: results/upstream/{pretext}/seed-{seed}/.
"""


rule upstream:
    """Train the encoder of one start; scratch is written untrained."""
    input:
        slices=slices_of_role("development"),
        split="results/split.tsv",
    output:
        weights="results/upstream/{pretext}/seed-{seed}/model.safetensors",
        architecture="results/upstream/{pretext}/seed-{seed}/model.json",
        history="results/upstream/{pretext}/seed-{seed}/history.csv",
        run="results/upstream/{pretext}/seed-{seed}/run.json",
    log:
        "logs/upstream/{pretext}/seed-{seed}.log",
    benchmark:
        "benchmarks/upstream/{pretext}/seed-{seed}.tsv"
    priority: 50
    conda:
        "../envs/training.yaml"
    threads: config["upstream"]["devices"]
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=config["upstream"]["devices"],
    params:
        network=config["network"],
        pretext=lambda wildcards: PRETEXTS[wildcards.pretext],
        settings=config["upstream"],
        augmentation=config["augmentation"],
        code=fingerprint("smartnet.training.upstream"),
    script:
        "../scripts/upstream.py"
