"""What tests of training runs share: other settings, and what a run says of itself."""

import json

from smartnet.job.leftovers import discard_finished_states


def changed(options, **settings):
    """The options with some settings changed."""
    return {**options, "settings": {**options["settings"], **settings}}


def facts(folder):
    """``run.json`` of a finished run."""
    return json.loads((folder / "run.json").read_text())


def states_after_use(folder):
    """The running states in ``folder / "state"`` that are left when the weights of every run are used."""
    discard_finished_states(folder.rglob("model.safetensors"), folder / "state")
    return list((folder / "state").glob("*"))
