import subprocess
import sys

import pytest

from smartnet import chosen
from smartnet.fingerprint import ROOT, modules_behind
from smartnet.networks import OPERATORS, VolumeNetwork

ALL = [(kind, name) for kind in ("classifier", "segmenter", "selfsupervised") for name in chosen.places(kind)]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_everything_in_the_table_is_there(kind, name):
    assert chosen.load(kind, name)
    assert modules_behind(chosen.place(kind, name))


def test_operators_are_a_mapping_in_the_order_of_the_table():
    assert list(OPERATORS) == ["classifier", "segmenter"]
    assert list(OPERATORS["segmenter"]) == ["conv3d", "none", "convlstm", "non-local", "vit3d"]
    assert len(OPERATORS["classifier"]) == 8
    assert issubclass(OPERATORS["classifier"]["gru"], VolumeNetwork)
    assert "bilstm" not in OPERATORS["segmenter"]
    with pytest.raises(KeyError):
        OPERATORS["classifier"]["conv3d"]


def test_only_the_operator_that_is_built_is_imported():
    code = (
        "import sys; from smartnet.networks import build;"
        "build({'network': 'classifier', 'depth': 18, 'width': 0.125, 'operator': 'mean'});"
        "print(*sorted(name.rpartition('.')[2] for name in sys.modules if name.count('.') == 3 "
        "and name.startswith('smartnet.networks.operators.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT.parent, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["pooling", "tail"]
