"""Prediction on test sets: ``classification``, ``segmentation`` and the threshold ``baseline`` (which
needs no torch).

Nothing is imported here, so that each of them starts light and is stale only when its own code changes.
"""
