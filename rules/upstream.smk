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
    wildcard_constraints:
        pretext=one_of(name for name in PRETEXTS if name not in FROM_FILE),
    priority: 50
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=1,
    params:
        network=config["network"],
        pretext=lambda wildcards: PRETEXTS[wildcards.pretext],
        settings=config["upstream"],
        augmentation=config["augmentation"],
        code=fingerprint("smartnet.training.upstream"),
    script:
        "../scripts/upstream.py"


rule pretrained:
    """Take a start from a file: a ResNet of torchvision, or a checkpoint of a whole network."""
    input:
        weights=lambda wildcards: weight_files(config["pretrained"][wildcards.pretext]),
    output:
        weights="results/upstream/{pretext}/seed-{seed}/model.safetensors",
        architecture="results/upstream/{pretext}/seed-{seed}/model.json",
        history="results/upstream/{pretext}/seed-{seed}/history.csv",
        run="results/upstream/{pretext}/seed-{seed}/run.json",
    log:
        "logs/pretrained/{pretext}/seed-{seed}.log",
    wildcard_constraints:
        pretext=one_of(name for name in config["pretexts"] if name in FROM_FILE),
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        source=lambda wildcards: config["pretrained"][wildcards.pretext],
        network=config["network"],
        decoder=bool(config["operators"]["segmentation"])
        and config["downstream"]["segmentation"]["transfer_decoder"],
        code=fingerprint("smartnet.training.pretrained"),
    script:
        "../scripts/pretrained.py"
