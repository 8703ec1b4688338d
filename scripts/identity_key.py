"""Adapter of rule identity_key."""

import secrets
from pathlib import Path

from smartnet.logs import job

with job(snakemake.log[0]):
    key = Path(snakemake.output.key)
    key.touch(mode=0o600)
    key.write_text(secrets.token_hex(32))
