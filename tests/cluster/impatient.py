"""Snakemake that asks for its jobs every 2 s; by itself it waits 10 s longer after each question in vain."""

import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda self: 2, lambda self, seconds: None)
sys.exit(main(sys.argv[1:]))
