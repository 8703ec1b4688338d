"""What is no checkpoint is refused in one line, and nothing in it is run."""

import collections
import pickle
import zipfile

import pytest
import torch
from released import formula_weights

from smartnet.checkpoint.__main__ import main

SMALL = {"network": "upstream", "depth": 18, "width": 0.0625, "heads": ["cls", "seg"]}


@pytest.fixture(scope="module")
def weights():
    return formula_weights(SMALL)


@pytest.fixture
def refused(tmp_path, capsys):
    """Try to import a file; give the one line that was said."""

    def run(source):
        assert main(["import", str(source), str(tmp_path / "out")]) == 1
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("ModelError: ")
        assert not (tmp_path / "out").exists()
        return said.err.strip()

    return run


@pytest.fixture
def saved(tmp_path):
    def run(content, **options):
        torch.save(content, tmp_path / "r.pth", **options)
        return tmp_path / "r.pth"

    return run


class Evil:
    """A pickle that creates a file when it is read."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (exec, (f"open({str(self.target)!r}, 'w').close()",))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("where", ["alone", "beside", "within"])
def test_a_pickle_that_would_run_code_is_not_run(where, zipped, weights, saved, refused, tmp_path):
    evil = Evil(tmp_path / "created")
    content = {
        "alone": evil,
        "beside": {"model_state_dict": weights, "optimizer": evil},
        "within": weights | {"encoder.conv1.weight": evil},
    }[where]
    said = refused(saved(content, _use_new_zipfile_serialization=zipped))
    assert not (tmp_path / "created").exists()
    assert said.endswith(
        "r.pth is refused, because reading it would run exec, which weights do not need: "
        "if it is your own, save its state dict alone"
    )
    torch.load(tmp_path / "r.pth", weights_only=False)  # it is a real one: an ordinary reader runs it
    assert (tmp_path / "created").exists()


@pytest.mark.parametrize(("protocol", "message"), [(2, "is refused"), (4, "is no whole checkpoint")])
def test_a_plain_pickle_is_not_run_either(protocol, message, refused, tmp_path):
    (tmp_path / "r.pth").write_bytes(pickle.dumps(Evil(tmp_path / "created"), protocol=protocol))
    assert message in refused(tmp_path / "r.pth")
    assert not (tmp_path / "created").exists()


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.01])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated(kept, zipped, weights, saved, refused):
    path = saved({"model_state_dict": weights}, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    assert refused(path).endswith(
        "r.pth is no whole checkpoint of PyTorch, nor a safetensors file: get it again"
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"<!DOCTYPE html><html>404</html>", b"version https://git-lfs.github.com/spec/v1\n", b"\x00" * 999],
)
def test_no_checkpoint(content, refused, tmp_path):
    (tmp_path / "r.pth").write_bytes(content)
    assert "is no whole checkpoint of PyTorch" in refused(tmp_path / "r.pth")


def test_damaged_safetensors(refused, tmp_path):
    (tmp_path / "r.pth").write_bytes(b'\x10\x00\x00\x00\x00\x00\x00\x00{"a": 1}')
    assert "is no whole safetensors file: get it again" in refused(tmp_path / "r.pth")


def test_no_file_and_a_folder(refused, tmp_path):
    assert "none.pth cannot be read (No such file or directory): give the path" in refused(
        tmp_path / "none.pth"
    )
    (tmp_path / "folder").mkdir()
    assert "folder is a folder: give the checkpoint, a file" in refused(tmp_path / "folder")


def test_a_zip_that_unpacks_to_more_than_it_is(weights, saved, refused, tmp_path):
    path = saved({"model_state_dict": {"encoder.conv1.weight": torch.zeros(1 << 22)}})
    with zipfile.ZipFile(path) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    size = (tmp_path / "bomb.pth").stat().st_size
    assert f"bomb.pth would unpack from {size} to 16777" in refused(tmp_path / "bomb.pth")


def test_a_tensor_that_repeats_what_the_file_holds(weights, saved, refused):
    large = torch.zeros(1).expand(64, 1, 10**6, 10**6)
    said = refused(saved({"model_state_dict": weights | {"encoder.conv1.weight": large}}))
    assert "holds no state dict: 'encoder.conv1.weight' is a Tensor, but tensors of real numbers" in said


@pytest.mark.parametrize(
    "content", [{"model_state_dict": {}}, 3, [torch.ones(2)], {"model_state_dict": None}]
)
def test_no_state_dict(content, saved, refused):
    assert "holds no weights: a state dict is needed, alone or as model_state_dict" in refused(saved(content))


@pytest.mark.parametrize(
    "value", [5, None, torch.ones(2, dtype=torch.complex64), torch.ones(2).to_sparse()], ids=str
)
def test_no_tensor(value, weights, saved, refused):
    assert "holds no state dict: 'epoch' is a" in refused(saved(weights | {"epoch": value}))


def test_another_network(saved, refused):
    said = refused(saved({"features.0.weight": torch.ones(3)}))
    assert "holds no tensor named encoder.*, so it is none of Up_SMART_Net, Down_SMART_Net_CLS" in said
    assert said.endswith("it begins with 'features.0.weight'")
    said = refused(saved({"encoder.features.0.weight": torch.ones(3)}))
    assert "holds no ResNet under torchvision's names" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: w.pop("seg_decoder.blocks.1.conv1.0.weight"),
            "seg_decoder.blocks.1.conv1.0.weight is nothing",
        ),
        (lambda w: w.pop("segmentation_head.0.bias"), "segmentation_head.0.bias is nothing, expected (1,)"),
        (lambda w: w.update(temperature=torch.ones(1)), "temperature is (1,), expected nothing"),
        (lambda w: w.update({"encoder.bn1.bias": torch.ones(5)}), "encoder.bn1.bias is (5,), expected (4,)"),
    ],
    ids=["missing", "half a head", "unknown", "shape"],
)
def test_every_tensor_must_fit(change, message, weights, saved, refused):
    changed = dict(weights)
    change(changed)
    said = refused(saved({"model_state_dict": changed}))
    assert (
        "r.pth, read as Up_SMART_Net with ResNet-18, width 0.0625, heads cls+seg, attention last, does not"
        in said
    )
    assert message in said
    assert said.endswith("only whole networks of the 2022 release can be taken over")


def test_other_depths_and_widths(weights, saved, refused):
    deeper = weights | {"encoder.layer3.2.conv1.weight": torch.ones(1)}
    assert "ResNet of 2-2-3-2 basic blocks, which is none of depth 18, 34, 50" in refused(saved(deeper))
    wider = weights | {"encoder.layer4.0.conv1.weight": torch.ones(4096, 1)}
    assert "ResNet with 4096 channels, 8 times the published number; up to 4 times" in refused(saved(wider))


def test_weights_that_are_not_finite(weights, saved, refused):
    broken = weights | {"encoder.bn1.bias": torch.tensor([0, float("nan"), 0, 0])}
    assert "holds a value in encoder.bn1.bias that is not finite" in refused(saved(broken))


def test_a_folder_that_cannot_be_written(weights, saved, tmp_path, capsys):
    (tmp_path / "file").touch()
    source = saved(collections.OrderedDict(weights))
    assert main(["import", str(source), str(tmp_path / "file/out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
