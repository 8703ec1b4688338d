"""Training: ``upstream.train_upstream`` and ``downstream.train_downstream``. Lightning runs the loops.

Nothing is imported here, so that a change of the downstream code does not make upstream runs stale.
"""
