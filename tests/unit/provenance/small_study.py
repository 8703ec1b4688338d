"""A study of three jobs: a volume folder, a table made from it, a figure made from the table."""

from pathlib import Path

from jobs import job_of

from smartnet.job.run import job

CITATION = {
    "title": "SMART-Net",
    "abstract": "A workflow.",
    "version": "0.1.0",
    "license": "MIT",
    "date-released": "2026-11-26",
    "authors": [{"name": "The authors"}, {"family-names": "Kyung", "given-names": "S."}],
}
VOLUMES = {"c1.nii.gz": "voxels", "c1.json": "sidecar"}


def do(rule, inputs, outputs, content, **more):
    """Run a job that writes these texts; a dictionary is a folder."""
    with job(job_of(rule, inputs=inputs, outputs=outputs, **more)):
        for path, text in zip(outputs.values(), content, strict=True):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(text, str):
                Path(path).write_text(text)
            else:
                Path(path).mkdir()
                for name, below in text.items():
                    Path(path, name).write_text(below)


def run_study():
    """Run all jobs in the working folder."""
    do("identity_key", {}, {"key": "resources/identity/key"}, ["secret"])
    do(
        *("volumes", {"key": "resources/identity/key"}, {"folder": "results/volumes/internal/0"}, [VOLUMES]),
        wildcards={"dataset": "internal", "shard": "0"},
        code="c0de",
    )
    run_table()
    do("figure_roc", {"t": "results/metrics.csv"}, {"pdf": "results/figures/roc.pdf"}, ["drawn"])
    do(
        "workflow_text",
        {},
        {"folder": "results/workflow"},
        [{"Snakefile": "rule all:", "common.smk": "import"}],
    )


def run_table(text="numbers"):
    """Run the job in the middle."""
    do("metrics", {"v": "results/volumes/internal/0"}, {"t": "results/metrics.csv"}, [text])
