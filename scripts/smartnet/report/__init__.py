"""The report: one HTML page of a finished study, which opens anywhere and needs no network."""
