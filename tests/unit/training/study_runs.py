"""What tests of training runs share: other settings, and what a run says of itself."""

import json


def changed(options, **settings):
    """The options with some settings changed."""
    return {**options, "settings": {**options["settings"], **settings}}


def facts(folder):
    """``run.json`` of a finished run."""
    return json.loads((folder / "run.json").read_text())
