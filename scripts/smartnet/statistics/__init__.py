"""Intervals for the numbers of the evaluation; plain arrays in, plain numbers out."""

from smartnet.statistics.bootstrap import cluster_bootstrap
from smartnet.statistics.delong import delong_auc, delong_covariance
from smartnet.statistics.interval import Interval
from smartnet.statistics.proportion import proportion_interval

__all__ = ["Interval", "cluster_bootstrap", "delong_auc", "delong_covariance", "proportion_interval"]
