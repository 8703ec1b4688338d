"""What the page is made of, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """One figure or table of the study.

    Attributes:
        path: the file, relative to the study's folder.
        category: the section that it belongs to.
        labels: what it shows, by ``figure``, ``model``, ``dataset``; ``all`` or nothing: all of them.
        caption: HTML.
        beside: the job's other files: the vector figure, the LaTeX table.
    """

    path: Path
    category: str
    labels: Mapping[str, str] = field(default_factory=dict)
    caption: str = ""
    beside: Sequence[Path] = ()


@dataclass(frozen=True)
class Rule:
    """One rule of the workflow and what its jobs took.

    Attributes:
        name: of the rule.
        stage: its file below ``rules/``, without suffix.
        docstring: of the rule.
        seconds: wall time of every job.
        peak_mb: largest memory of a job, None where it was not measured.
        reads: names of the rules whose files it reads.
    """

    name: str
    stage: str
    docstring: str
    seconds: Sequence[float]
    peak_mb: float | None
    reads: Sequence[str]


@dataclass(frozen=True)
class Study:
    """Everything that the page tells.

    Attributes:
        description: HTML, what the study is.
        results: in the order of the page, within their category.
        rules: in the order of the workflow.
        stages: what each stage does, one line, by its name.
        config: the configuration that was used.
        defaults: that of ``config.yaml``.
    """

    description: str
    results: Sequence[Result]
    rules: Sequence[Rule]
    stages: Mapping[str, str]
    config: Mapping[str, Any]
    defaults: Mapping[str, Any]
