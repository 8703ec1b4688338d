"""Adapter of rule identity_key."""

import secrets
from pathlib import Path

from smartnet.job.run import job

with job(snakemake):
    key = Path(snakemake.output.key)
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
