"""From the per-case prediction tables to one tidy table of metrics.

Import the modules themselves: this file stays empty, so that a figure that reads the table does not depend on
how its numbers are computed.
"""
