"""Intervals for the numbers of the evaluation; plain arrays in, plain numbers out.

Import the modules themselves: this file stays empty, so that a figure that reads intervals does not depend on
how they are computed.
"""
