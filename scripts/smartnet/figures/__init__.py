"""Figures and tables, drawn from tidy tables and stored maps alone; nothing here trains or predicts.

Import the modules themselves (``from smartnet.figures.roc import draw_roc``): this file stays empty, so
that a change in one figure redraws that figure only.
"""
