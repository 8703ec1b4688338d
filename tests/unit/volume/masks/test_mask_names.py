"""What names of segments mean."""

import pytest

from smartnet.volume.masks.names import labels_of
from smartnet.volume.masks.scan import MaskError


@pytest.mark.parametrize(
    ("texts", "label"),
    [
        (["EDH"], 1),
        (["epidural haematoma"], 1),
        (["IPH_left"], 2),
        (["Intraparenchymal"], 2),
        (["IVH-2"], 3),
        (["IntraventricularHemorrhage"], 3),
        (["SAH"], 4),
        (["acute SUBARACHNOID blood"], 4),
        (["sdh"], 5),
        (["Segment_1", "subdural"], 5),
        (["SDH and SAH"], 1),  # two kinds are none
        (["ICH"], 1),
        (["Bleeding 2"], 1),
        (["Segment_12"], 1),
        (["ROI-1", ""], 1),
        (["", ""], 1),
        (["finding", "Haemorrhage"], 1),
    ],
)
def test_a_name_means_a_kind_or_hemorrhage(texts, label):
    assert labels_of({3: texts, 4: ["SAH"]}) == {3: label, 4: 4}


@pytest.mark.parametrize("name", ["Skull", "BODY", "ventricle", "iphone", "Msdh"])
def test_another_name_is_refused_unless_it_is_the_only_one(name):
    assert labels_of({2: [name]}) == {2: 1}
    with pytest.raises(
        MaskError, match=r"the name of number 2 is no hemorrhage: name it EDH, IPH, IVH, SAH, SDH"
    ):
        labels_of({1: ["SAH"], 2: [name]})
    assert labels_of({}) == {}
