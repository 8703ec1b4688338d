"""Does this machine have what the study needs? One line per check, each with what to do: ``make doctor``.

It answers before anything is installed too, so its modules import nothing but the standard library at the
top and do without what Python learned after 3.8. A check is a function that gives one or more results; what
it measures is an argument with the true value as default.
"""
