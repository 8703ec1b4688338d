"""Where every artifact came from: ``results/provenance.json``, its check, and the same as an RO-Crate."""
