"""Results kept outside of the working folder, named by all that they depend on, for clones and colleagues.

Off unless the configuration names a folder (``store.path``). No job becomes stale by it: it is no setting of
any rule. ``python -m smartnet.store`` lists and prunes.
"""
