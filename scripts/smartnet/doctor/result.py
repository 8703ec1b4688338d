"""What a check says."""

from __future__ import annotations  # an old Python must come as far as the message that it is too old

from dataclasses import dataclass

OK, WARNING, MISSING = "ok", "warning", "missing"


@dataclass(frozen=True)
class Result:
    """One line of the answer.

    Attributes:
        status: ``ok``, ``warning`` (the study runs, something is worth knowing) or ``missing`` (it cannot).
        name: what was looked at.
        text: what was found.
        remedy: what to do, empty if nothing.
    """

    status: str
    name: str
    text: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The result as one line."""
        end = f": {self.remedy}" if self.remedy else ""
        return f"{self.status:8} {self.name}: {self.text}{end}"
