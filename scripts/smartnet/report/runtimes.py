"""What the rules took: jobs, time and memory."""

from collections.abc import Sequence

from smartnet.report.study import Rule

MINUTE, HOUR = 60, 3600


def runtime_rows(rules: Sequence[Rule]) -> list[dict]:
    """Sum up the jobs of every rule, the longest sum first.

    Returns:
        rows of ``rule``, ``stage``, ``jobs``, ``total``, ``longest``, ``memory`` as texts, and ``share`` and
        ``part``: total and longest time as percentages of the largest total.
    """
    largest = max((sum(rule.seconds) for rule in rules), default=0) or 1
    ordered = sorted(rules, key=lambda rule: (-sum(rule.seconds), rule.name))
    return [
        {
            "rule": rule.name,
            "stage": rule.stage,
            "jobs": len(rule.seconds),
            "total": duration(sum(rule.seconds)),
            "longest": duration(max(rule.seconds, default=0)),
            "memory": "" if rule.peak_mb is None else f"{rule.peak_mb:,.0f} MB",
            "share": round(100 * sum(rule.seconds) / largest, 1),
            "part": round(100 * max(rule.seconds, default=0) / largest, 1),
        }
        for rule in ordered
    ]


def duration(seconds: float) -> str:
    """Write a time in the unit that fits: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes // 60} h {minutes % 60:02d} min"
