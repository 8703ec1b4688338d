"""Snakemake report plugin: ``PYTHONPATH=scripts snakemake --reporter smartnet`` writes the report.

It turns what Snakemake has collected into plain data; ``smartnet.report`` makes the page.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import yaml
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_report_plugins.interfaces import JobReportInterface
from snakemake_interface_report_plugins.reporter import ReporterBase
from snakemake_interface_report_plugins.settings import ReportSettingsBase

from smartnet.errors import SmartnetError
from smartnet.report.study import Result, Rule, Study


@dataclass
class ReportSettings(ReportSettingsBase):
    """Options of the command line, ``--report-smartnet-...``."""

    path: Optional[Path] = field(  # noqa: UP045 - Snakemake reads the type, and knows no `|`
        default=Path("results/report.html"), metadata={"help": "The page, inside the study's folder."}
    )


class Reporter(ReporterBase):
    """Hands the study to ``smartnet.report.page.write_page``."""

    def render(self) -> None:
        """Write the page.

        Raises:
            WorkflowError: the page cannot be made (it is too large for its budget, or misplaced).
        """
        from smartnet.report.page import write_page  # every start of Snakemake imports this file

        try:
            write_page(
                self._study(),
                root=Path.cwd(),
                templates=self._own["ROOT"] / "report",
                output=Path(self.settings.path),
                budget_mb=self._own["config"]["report"]["budget_mb"],
            )
        except SmartnetError as error:
            raise WorkflowError(str(error)) from error

    @property
    def _own(self) -> dict[str, Any]:
        """What the files of rules define, also where another workflow uses them as a module."""
        files = (rule.module_globals for rule in self.dag.workflow.rules)
        return next(names for names in files if {"ROOT", "STUDY"} <= names.keys())

    def _study(self) -> Study:
        workflow, root = self.dag.workflow, self._own["ROOT"]
        rules = self._rules()
        files = {rule.stage: root / "rules" / f"{rule.stage}.smk" for rule in rules}
        return Study(
            description=self.workflow_description,
            results=self._results([rule.name for rule in workflow.rules]),
            rules=rules,
            stages={stage: _first_line(file) for stage, file in files.items()},
            config=self._own["config"],
            defaults=yaml.safe_load((root / "config.yaml").read_text()),
        )

    def _results(self, order: list[str]) -> list[Result]:
        """What is flagged ``report(...)``, in the order of the rules."""
        records = [record for group in self.results.values() for part in group.values() for record in part]
        records.sort(key=lambda record: (order.index(record.job.rule.name), str(record.path)))
        return [
            Result(
                path=Path(record.path),
                category=record.category.name,
                labels={name: str(label) for name, label in (record.labels or {}).items()},
                caption=record.caption,
                beside=[Path(file) for file in record.job.output if Path(file) != Path(record.path)],
            )
            for record in records
        ]

    def _rules(self) -> list[Rule]:
        """Every rule that has made something, in the order of the workflow."""
        records, reads = {}, {}
        for record in self.jobs:
            records.setdefault(record.rule, []).append(record)
        for job in self.dag.jobs:
            sources = {source.rule.name for source in self.dag.dependencies[job]}
            reads.setdefault(job.rule.name, set()).update(sources - {job.rule.name})
        return [
            Rule(
                name=rule.name,
                stage=Path(rule.snakefile).stem,
                docstring=(rule.docstring or "").strip(),
                seconds=[record.endtime - record.starttime for record in records[rule.name]],
                peak_mb=max((peak for r in records[rule.name] for peak in _peaks(r.job)), default=None),
                reads=sorted(reads[rule.name] & set(records)),
            )
            for rule in self.dag.workflow.rules
            if rule.name in records
        ]


def _peaks(job: JobReportInterface) -> list[float]:
    """Peak memory of a job by its benchmark, MB; none where it has no such file."""
    if not job.benchmark or not Path(job.benchmark).is_file():
        return []
    head, *rows = [line.split("\t") for line in Path(job.benchmark).read_text().splitlines()]
    texts = [dict(zip(head, row, strict=True))["max_rss"] for row in rows]
    return [float(text) for text in texts if text not in ("-", "NA")]


def _first_line(file: Path) -> str:
    """First line of the docstring of a file of rules."""
    return file.read_text().split('"""')[1].splitlines()[0] if file.is_file() else ""
