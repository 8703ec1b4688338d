"""Released checkpoints into networks of ours, by the command that users type."""

import argparse
import collections
import json
import subprocess
import sys
from itertools import cycle

import pytest
import torch
from released import HEAD_COMBINATIONS, assert_released_answers, formula_image, formula_weights
from support import ROOT

import smartnet
from smartnet.checkpoint.__main__ import main
from smartnet.checkpoint.recognise import HEAD_PARTS
from smartnet.networks import build

UPSTREAM = {"network": "upstream", "depth": 18}
CLASSIFIER = {"network": "classifier", "depth": 18, "operator": "bilstm"}
SEGMENTER = {"network": "segmenter", "depth": 18, "operator": "conv3d"}
SMALL = {"network": "upstream", "depth": 18, "width": 0.0625, "heads": ["cls", "seg"]}


def save(weights, path, *, prefix="", bare=False, **more):
    """A checkpoint as the release's training wrote it."""
    weights = collections.OrderedDict((prefix + name, value) for name, value in weights.items())
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([parameter])
    parameter.grad = torch.ones(2)
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)
    whole = {
        "model_state_dict": weights,
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": scheduler.state_dict(),
        "epoch": 999,
        "args": argparse.Namespace(lr=5e-4, pretrained="", gradual_unfreeze=True),
    }
    torch.save(weights if bare else whole | more, path)
    return path


def imported(source, folder, capsys):
    """Import a file; give the network and the line that was said."""
    assert main(["import", str(source), str(folder)]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{folder}: ") and said.count("\n") == 1
    return smartnet.load_model(folder), said


@pytest.fixture(scope="module")
def upstream_weights():
    return formula_weights(UPSTREAM)


@pytest.mark.parametrize(
    ("heads", "prefix"),
    [*zip(HEAD_COMBINATIONS, cycle(["module.", ""]), strict=False), (HEAD_COMBINATIONS[-1], "")],
)
def test_upstream_answers_as_the_released_network(heads, prefix, upstream_weights, tmp_path, capsys):
    others = {part for head in set(HEAD_PARTS) - set(heads) for part in HEAD_PARTS[head]}
    weights = {name: v for name, v in upstream_weights.items() if name.partition(".")[0] not in others}
    net, said = imported(save(weights, tmp_path / "r.pth", prefix=prefix), tmp_path / "out", capsys)
    assert not net.training
    assert f"Up_SMART_Net with ResNet-18, width 1, heads {'+'.join(heads)}, attention" in said
    with torch.inference_mode():
        assert_released_answers(net(formula_image()), heads)
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("heads", HEAD_COMBINATIONS, ids="+".join)
def test_upstream_of_resnet50(heads, tmp_path, capsys):
    weights = formula_weights({"network": "upstream", "depth": 50, "width": 0.125, "heads": list(heads)})
    net, said = imported(save(weights, tmp_path / "r.pth", bare=True), tmp_path / "out", capsys)
    attention = "none" if heads == ("cls",) else "last"
    assert net.architecture == {
        "network": "upstream",
        "depth": 50,
        "width": 0.125,
        "attention": attention,
        "heads": list(heads),
    }
    assert f"ResNet-50, width 0.125, heads {'+'.join(heads)}, attention {attention}" in said
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize(
    ("architecture", "said_name"),
    [
        ({"network": "upstream", "depth": 50}, "Up_SMART_Net with ResNet-50, width 1, heads cls+seg+rec"),
        ({**CLASSIFIER, "depth": 50}, "Down_SMART_Net_CLS with ResNet-50, width 1, operator bilstm"),
        ({**SEGMENTER, "depth": 50}, "Down_SMART_Net_SEG with ResNet-50, width 1, operator conv3d"),
    ],
    ids=["Up", "CLS", "SEG"],
)
def test_the_published_size(architecture, said_name, tmp_path, capsys):
    with torch.device("meta"):
        shapes = build({**architecture, "attention": "last"}).state_dict()
    weights = {name: torch.zeros_like(value, device="cpu") for name, value in shapes.items()}
    net, said = imported(save(weights, tmp_path / "r.pth", prefix="module."), tmp_path / "out", capsys)
    assert said_name in said
    millions = {"upstream": "55.5 M", "classifier": "40.8 M", "segmenter": "32.5 M"}
    assert millions[architecture["network"]] in said
    assert net.architecture["width"] == 1


@pytest.mark.parametrize("prefix", ["", "module."], ids=["plain", "module"])
@pytest.mark.parametrize("architecture", [CLASSIFIER, SEGMENTER], ids=["CLS", "SEG"])
def test_downstream_answers_for_volumes(architecture, prefix, tmp_path, capsys):
    weights = formula_weights({**architecture, "width": 0.25})
    net, _ = imported(save(weights, tmp_path / "r.pth", prefix=prefix), tmp_path / "out", capsys)
    assert net.architecture["width"] == 0.25
    volume = formula_image()[:, None, :, ::2, ::2].repeat(2, 1, 3, 1, 1)
    reference = build(net.architecture).eval()
    reference.load_state_dict(weights)
    with torch.inference_mode():
        logits = net(volume, torch.tensor([3, 2]))
        assert torch.equal(logits, reference(volume, torch.tensor([3, 2])))
    assert logits.shape == ((2, 1) if architecture is CLASSIFIER else (2, 1, 3, 64, 64))


@pytest.mark.parametrize("attention", ["all", "last", "none"])
@pytest.mark.parametrize("depth", [18, 34, 50])
def test_depth_width_and_attention_are_told_apart(depth, attention, tmp_path, capsys):
    architecture = {**SMALL, "depth": depth, "width": 0.3, "attention": attention}
    net, _ = imported(save(formula_weights(architecture), tmp_path / "r.pth"), tmp_path / "out", capsys)
    assert net.architecture == architecture


def test_formats_before_pytorch_1_6_and_safetensors(tmp_path, capsys):
    from safetensors.torch import save_file

    weights = formula_weights(SMALL)
    torch.save({"state_dict": weights}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(weights, tmp_path / "new.safetensors")
    for name in ("old.pth", "new.safetensors"):
        net, _ = imported(tmp_path / name, tmp_path / f"{name}-out", capsys)
        assert all(torch.equal(value, weights[key]) for key, value in net.state_dict().items())


def test_equal_files_and_no_path_in_what_is_written(tmp_path, capsys):
    weights = formula_weights(SMALL)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        imported(save(weights, tmp_path / name / "r.pth"), tmp_path / f"{name}-out", capsys)
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "a-out" / name).read_bytes() == (tmp_path / "b-out" / name).read_bytes()
    assert json.loads((tmp_path / "a-out/model.json").read_text())["network"] == "upstream"


def run_command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "smartnet.checkpoint", *map(str, arguments)],
        check=False,
        cwd=ROOT / "scripts",
        capture_output=True,
        text=True,
    )


def test_the_command_itself(tmp_path):
    source = save(formula_weights(SMALL), tmp_path / "r.pth")
    done = run_command("import", source, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path / 'out'}: Up_SMART_Net with ResNet-18")
    again = run_command("import", source, tmp_path / "out")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"ModelError: {tmp_path / 'out'} holds a network already: give another folder\n"
    assert "Down_SMART_Net_CLS" in run_command("import", "--help").stdout


def test_the_package_stays_light():
    seen = "print('torch' in sys.modules)"
    code = f"import smartnet, sys; {seen}; smartnet.load_model; {seen}"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT / "scripts", capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="has no attribute 'load_modell'"):
        smartnet.load_modell  # noqa: B018
