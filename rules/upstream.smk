"""Stage 1: an encoder learns from slices with up to three heads.

In: slices and split. Out: results/upstream/{pretext}/seed-{seed}/, results/words/seed-{seed}/words.tsv.
"""


rule upstream:
    """Train the encoder of one start; scratch is written untrained."""
    input:
        slices=slices_of_role("development"),
        split="results/split.tsv",
        words=words_of_start,
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
        # not only those compared: visual words are found by `rec`
        pretext=one_of(name for name in PRETEXTS if name not in FROM_FILE),
    priority: 50
    conda:
        "../envs/training.yaml"
    threads: config["upstream"]["devices"]
    resources:
        mem_mb=growing_by_device(3000),
        runtime=growing(1440),
        gpu=config["upstream"]["devices"],
    params:
        network=config["network"],
        pretext=lambda wildcards: PRETEXTS[wildcards.pretext],
        settings=config["upstream"],
        augmentation=config["augmentation"],
        words=word_files,
        code=code_of_upstream,
    script:
        "../scripts/upstream.py"


rule visual_words:
    """Find places that look alike in many scans, by the features of an auto-encoder (for TransVW)."""
    input:
        slices=slices_of_role("development"),
        split="results/split.tsv",
        weights="results/upstream/rec/seed-{seed}/model.safetensors",
        architecture="results/upstream/rec/seed-{seed}/model.json",
    output:
        words="results/words/seed-{seed}/words.tsv",
    log:
        "logs/visual_words/seed-{seed}.log",
    benchmark:
        "benchmarks/visual_words/seed-{seed}.tsv"
    priority: 50
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(240),
        gpu=1,
    params:
        words={key: value for key, value in config["words"].items() if key != "folder"},
        code=code_of("smartnet.training.visual_words"),
    script:
        "../scripts/visual_words.py"


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
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        source=lambda wildcards: config["pretrained"][wildcards.pretext],
        network=config["network"],
        decoder=bool(config["operators"]["segmentation"])
        and config["downstream"]["segmentation"]["transfer_decoder"],
        code=code_of_start("smartnet.training.pretrained", {}),
    script:
        "../scripts/pretrained.py"
