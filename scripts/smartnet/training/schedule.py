"""How learning rate and frozen stages follow the progress of training. All times are fractions of the
epochs."""

from smartnet.networks.encoder import STAGES

TOLERANCE = 1e-9  # 0.1 + 4 * 0.01 must not miss the epoch that it means


def learning_rate(progress: float, *, peak: float, final: float, warmup: float, constant: float) -> float:
    """Linear warm-up, constant, linear decay ("poly" of power 1).

    Args:
        progress: fraction of all steps done when this one ends, in (0, 1].
        peak: highest rate.
        final: rate at progress 1.
        warmup: fraction until which the rate rises from 0.
        constant: fraction until which it then stays.
    """
    if progress < warmup:
        return peak * progress / warmup
    start = max(warmup, constant)
    if progress <= start or start >= 1:
        return peak
    return peak + (final - peak) * (progress - start) / (1 - start)


def trainable_stages(epoch: int, epochs: int, *, start: float, step: float) -> tuple[str, ...]:
    """Encoder stages that learn in an epoch (gradual unfreezing, deepest first).

    Args:
        epoch: counted from 0.
        epochs: all of them.
        start: fraction of the epochs before which the whole encoder is frozen.
        step: fraction after which the next stage joins; the stem joins last.
    """
    done = epoch / epochs + TOLERANCE
    count = sum(done >= start + n * step for n in range(len(STAGES)))
    return STAGES[len(STAGES) - count :]
