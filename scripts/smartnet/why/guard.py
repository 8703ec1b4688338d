"""The guard: hours of training are not done again unless the user says so."""

from collections.abc import Sequence

from smartnet.errors import SmartnetError
from smartnet.report.runtimes import duration
from smartnet.why.plan import TRAINING, Planned
from smartnet.why.text import reason

HOUR = 3600


class GuardError(SmartnetError):
    """A run would do more training again than it may without the user's word.

    Here, not in ``smartnet.errors``, which is behind every fingerprint.
    """


def guard(jobs: Sequence[Planned], *, training_hours: float | None, confirm: bool) -> None:
    """Refuse a run that would do more training again than allowed.

    Args:
        jobs: what would run. Only finished training counts, by what it took: what was never made, or was
            interrupted, goes on unasked.
        training_hours: allowed; None: any.
        confirm: whether the user has agreed.

    Raises:
        GuardError: with the hours, the runs and the first reason.
    """
    again = [job for job in jobs if job.rule in TRAINING and job.redo]
    seconds = sum(job.seconds or 0 for job in again)
    if training_hours is None or confirm or seconds <= HOUR * training_hours:
        return
    first = again[0]
    more = f" and {len(again) - 1} more" if len(again) > 1 else ""
    raise GuardError(
        f"{duration(seconds)} of training would be done again, guard.training_hours is {training_hours:g}: "
        f"{first.title}{more}, because {reason([first])}; nothing was deleted or run. See all by `make why`, "
        "go on by `--config confirm=true`"
    )
