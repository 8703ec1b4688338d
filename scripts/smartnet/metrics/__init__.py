"""From the per-case prediction tables to one tidy table of metrics."""

from smartnet.metrics.evaluate import evaluate
from smartnet.metrics.tidy import COLUMNS, read_metrics

__all__ = ["COLUMNS", "evaluate", "read_metrics"]
