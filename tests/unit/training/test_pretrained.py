"""Starts from files are written as upstream runs are, and transferred as pretrained."""

import hashlib
import json

import pytest
import torch
from released import formula_weights, torchvision_weights

from smartnet.files import read_table
from smartnet.networks import build, load_model, load_weights, save_model
from smartnet.training.downstream import train_downstream, transfer
from smartnet.training.pretrained import write_pretrained
from smartnet.training.upstream import train_upstream

SCRATCH = {"heads": [], "consistency": False}


@pytest.fixture
def write(options, tmp_path):
    def run(content, pretext, output=tmp_path / "start", **more):
        source = tmp_path / "confidential-name.pth"
        torch.save(content, source)
        shared = {key: options[key] for key in ("network", "seed", "threads", "code")}
        write_pretrained(**shared | more, source=source, output=output, pretext=pretext, decoder=True)
        return output

    return run


@pytest.fixture
def sizes(options):
    return {key: options["network"][key] for key in ("depth", "width")}


def test_imagenet_writes_what_upstream_writes(options, write, sizes, tmp_path):
    start = write(torchvision_weights(**sizes), "imagenet")
    train_upstream(**options, pretext=SCRATCH, output=tmp_path / "scratch")
    names = {file.name for file in start.iterdir()}
    assert names == {file.name for file in (tmp_path / "scratch").iterdir()}
    run, scratch = (json.loads((f / "run.json").read_text()) for f in (start, tmp_path / "scratch"))
    assert run.keys() - scratch.keys() == {"source_sha256"} and scratch.keys() <= run.keys()
    assert (run["pretrained"], scratch["pretrained"]) == (True, False)
    digest = hashlib.sha256((tmp_path / "confidential-name.pth").read_bytes()).hexdigest()
    assert run["source_sha256"] == digest
    assert not any(b"confidential" in file.read_bytes() for file in start.iterdir())
    histories = [read_table(folder / "history.csv") for folder in (start, tmp_path / "scratch")]
    assert list(histories[0]) == list(histories[1]) and not len(histories[0])
    assert all(name.startswith("encoder.") for name in load_weights(start))
    again = write(torchvision_weights(**sizes), "imagenet", tmp_path / "again", seed=7)
    for name in ("model.safetensors", "model.json", "history.csv"):
        assert (start / name).read_bytes() == (again / name).read_bytes()


def test_an_encoder_alone_is_pretrained_and_frozen(options, write, sizes, tmp_path):
    start = write(torchvision_weights(**sizes), "imagenet")
    segmenter = build({**options["network"], "network": "segmenter", "operator": "conv3d"})
    assert transfer(segmenter, start, decoder=True) == ["encoder"]
    options["settings"] = {**options["settings"], "batch_size": 2, "unfreeze": {"start": 1.0, "step": 0.0}}
    train_downstream(
        **options, upstream=start, task="classification", operator="bilstm", output=tmp_path / "out"
    )
    before, after = load_weights(start), load_weights(tmp_path / "out")
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_scratch_is_transferred_and_not_pretrained(options, tmp_path):
    train_upstream(**options, pretext=SCRATCH, output=tmp_path / "scratch")
    classifier = build({**options["network"], "network": "classifier", "operator": "bilstm"})
    assert transfer(classifier, tmp_path / "scratch", decoder=True) == []
    before = load_weights(tmp_path / "scratch")
    assert all(torch.equal(classifier.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize("kind", ["upstream", "segmenter"])
def test_encoder_and_decoder_of_a_checkpoint(kind, options, write):
    more = {"operator": "conv3d"} if kind == "segmenter" else {"heads": ["seg", "rec"]}
    weights = formula_weights({**options["network"], "network": kind, **more})
    start = write({"model_state_dict": weights}, "checkpoint")
    assert load_model(start).architecture["network"] == kind
    segmenter = build({**options["network"], "network": "segmenter", "operator": "conv3d"})
    assert transfer(segmenter, start, decoder=True) == ["encoder", "seg_decoder"]
    state = segmenter.state_dict()
    taken = [name for name in weights if name.startswith(("encoder.", "seg_decoder."))]
    assert all(torch.equal(state[name], weights[name]) for name in taken)


def test_a_folder_as_checkpoint(options, tmp_path):
    net = build({**options["network"], "network": "upstream", "heads": ["cls"]})
    save_model(net, tmp_path / "folder")
    shared = {key: options[key] for key in ("network", "seed", "threads", "code")}
    write_pretrained(
        **shared, source=tmp_path / "folder", output=tmp_path / "out", pretext="checkpoint", decoder=True
    )
    weights = (tmp_path / "folder/model.safetensors").read_bytes()
    assert (tmp_path / "out/model.safetensors").read_bytes() == weights
    run = json.loads((tmp_path / "out/run.json").read_text())
    assert run["source_sha256"] == hashlib.sha256(weights).hexdigest()
