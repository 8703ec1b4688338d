"""What the networks see: pooled features, t-SNE, activation maps, Grad-CAM, and how well these lie on the lesions.

In: trained models, slices, volumes. Out: results/features/, results/maps/, results/localisation/.
"""


rule features:
    """Pool the encoder's last stage for a drawn sample of test slices."""
    input:
        weights="results/upstream/{pretext}/seed-{seed}/model.safetensors",
        architecture="results/upstream/{pretext}/seed-{seed}/model.json",
        slices=slices_of_role("test"),
        split="results/split.tsv",
    output:
        features="results/features/{pretext}/seed-{seed}/features.npy",
        table="results/features/{pretext}/seed-{seed}/features.tsv",
    log:
        "logs/features/{pretext}/seed-{seed}.log",
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
        gpu=1,
    params:
        settings={"per_dataset": config["explain"]["slices_per_dataset"], "seed": config["seed"]},
        code=code_of_start("smartnet.explain.features", {}),
    script:
        "../scripts/features.py"


rule tsne:
    """Embed the features in two dimensions."""
    input:
        features="results/features/{pretext}/seed-{seed}/features.npy",
        table="results/features/{pretext}/seed-{seed}/features.tsv",
    output:
        tsne="results/features/{pretext}/seed-{seed}/tsne.tsv",
    log:
        "logs/tsne/{pretext}/seed-{seed}.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        settings={"perplexity": config["explain"]["perplexity"], "seed": config["seed"]},
        code=code_of("smartnet.explain.embedding"),
    script:
        "../scripts/tsne.py"


rule separability:
    """Measure how well the features tell class from class and data set from data set."""
    input:
        features="results/features/{pretext}/seed-{seed}/features.npy",
        table="results/features/{pretext}/seed-{seed}/features.tsv",
    output:
        table="results/features/{pretext}/seed-{seed}/separability.tsv",
    log:
        "logs/separability/{pretext}/seed-{seed}.log",
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        settings={"neighbours": config["explain"]["neighbours"], "seed": config["seed"]},
        code=code_of("smartnet.explain.separability"),
    script:
        "../scripts/separability.py"


rule choose_cases:
    """Choose the cases of the panels by rule: from severe to mild, evenly in rank."""
    input:
        slices=slices_of_role("test"),
        split="results/split.tsv",
    output:
        cases="results/maps/cases.tsv",
    log:
        "logs/choose_cases.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings={"count": config["explain"]["cases"], "seed": config["seed"]},
        code=code_of("smartnet.explain.cases"),
    script:
        "../scripts/choose_cases.py"


rule maps:
    """Map the chosen cases through the 3D operators: slices, volumes in CT space, profiles; then with random weights."""
    input:
        upstream="results/upstream/{pretext}/seed-{seed}/model.safetensors",
        classifier=f"results/downstream/{{pretext}}_{OPERATORS['classification']}/seed-{{seed}}/model.safetensors",
        segmenter=f"results/downstream/{{pretext}}_{OPERATORS['segmentation']}/seed-{{seed}}/model.safetensors",
        threshold=f"results/downstream/{{pretext}}_{OPERATORS['segmentation']}/seed-{{seed}}/threshold.json",
        cases="results/maps/cases.tsv",
        slices=slices_of_role("test"),
        volumes=shard_folders("volumes", TEST_SETS),
        split="results/split.tsv",
    output:
        activation="results/maps/{pretext}/seed-{seed}/activation.npy",
        gradcam="results/maps/{pretext}/seed-{seed}/gradcam.npy",
        table="results/maps/{pretext}/seed-{seed}/maps.tsv",
        volumes=directory("results/maps/{pretext}/seed-{seed}/volumes"),
        profile="results/maps/{pretext}/seed-{seed}/profile.csv",
        randomisation="results/maps/{pretext}/seed-{seed}/randomisation.csv",
    log:
        "logs/maps/{pretext}/seed-{seed}.log",
    benchmark:
        "benchmarks/maps/{pretext}/seed-{seed}.tsv"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
        gpu=1,
    params:
        settings={
            "max_slices": config["downstream"]["segmentation"]["max_slices"],
            "seed": config["seed"],
        },
        code=code_of_start("smartnet.explain.maps", OPERATORS),
    script:
        "../scripts/maps.py"


rule localisation:
    """Measure how well the maps of a start lie on the lesions of the test scans, beside trivial and random maps."""
    input:
        upstream="results/upstream/{pretext}/seed-{seed}/model.safetensors",
        classifier=f"results/downstream/{{pretext}}_{OPERATORS['classification']}/seed-{{seed}}/model.safetensors",
        segmenter=f"results/downstream/{{pretext}}_{OPERATORS['segmentation']}/seed-{{seed}}/model.safetensors",
        threshold=f"results/downstream/{{pretext}}_{OPERATORS['segmentation']}/seed-{{seed}}/threshold.json",
        slices=slices_of_role("test"),
        volumes=shard_folders("volumes", TEST_SETS),
        split="results/split.tsv",
    output:
        table="results/localisation/{pretext}/seed-{seed}.csv",
    log:
        "logs/localisation/{pretext}/seed-{seed}.log",
    benchmark:
        "benchmarks/localisation/{pretext}/seed-{seed}.tsv"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
        gpu=1,
    params:
        settings={
            "max_slices": config["downstream"]["segmentation"]["max_slices"],
            "threshold_hu": config["baseline"]["threshold_hu"],
            "limit": config["explain"]["localise"],
            "seed": config["seed"],
        },
        code=code_of_start("smartnet.explain.localisation", OPERATORS),
    script:
        "../scripts/localisation.py"
