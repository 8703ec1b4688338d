"""The last word before anything is shared: does an artifact hold a value of the source headers?

Images are not read: text burnt into pixels needs OCR (secondary captures are rejected at the catalog).
"""

HIDDEN = "(a path, not shown)"  # in its place, where a setting or an input is told of
