"""Where real CT files are, and the mark of tests that need them."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("SMARTNET_REAL_DATA", "")).resolve()
NEEDS_DATA = [
    pytest.mark.needs_data,
    pytest.mark.skipif(
        not os.environ.get("SMARTNET_REAL_DATA"),
        reason="SMARTNET_REAL_DATA is not set: it names a folder of real CT files that cannot be shipped",
    ),
]
