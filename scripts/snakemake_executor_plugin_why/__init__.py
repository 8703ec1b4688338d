"""Snakemake executor plugin: ``PYTHONPATH=scripts snakemake --executor why`` says what would run.

A dry run that prints each job with its reason in plain words and what it cost last time;
``smartnet.why`` has the words.
"""

import sys

from snakemake_interface_executor_plugins.executors.base import AbstractExecutor, SubmittedJobInfo
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.logging import LoggerExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings
from snakemake_interface_executor_plugins.workflow import WorkflowExecutorInterface

common_settings = CommonSettings(
    non_local_exec=False,
    dryrun_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(AbstractExecutor):
    """Prints as soon as the graph of jobs is there, also where it has no job to run."""

    def __init__(self, workflow: WorkflowExecutorInterface, logger: LoggerExecutorInterface) -> None:
        """Print."""
        super().__init__(workflow, logger)
        from smartnet.why.ledger import known_fingerprints  # every start of Snakemake imports this file
        from smartnet.why.plan import planned
        from smartnet.why.text import explain

        sys.stdout.write("\n".join([*explain(planned(self.dag, known_fingerprints())), ""]))

    def run_jobs(self, jobs: list[JobExecutorInterface]) -> None:
        """Say of each job that it ended."""
        for job in jobs:
            self.run_job(job)

    def run_job(self, job: JobExecutorInterface) -> None:
        """Say that it ended."""
        info = SubmittedJobInfo(job=job)
        self.report_job_submission(info)
        self.report_job_success(info)

    def cancel(self) -> None:
        """There is nothing to cancel."""

    def shutdown(self) -> None:
        """There is nothing to end."""

    def handle_job_success(self, job: JobExecutorInterface) -> None:
        """There is nothing to do."""

    def handle_job_error(self, job: JobExecutorInterface) -> None:
        """There is nothing to do."""
