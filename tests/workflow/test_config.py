"""The configuration: every finding is one line that names key, value and remedy."""

import copy

import pytest
import yaml
from snakemake.utils import update_config
from support import ROOT

from smartnet.config import check
from smartnet.config_reference import describe
from smartnet.errors import ConfigError
from smartnet.experiments import FROM_FILE, PRETEXTS, models, references
from smartnet.figures import names
from smartnet.networks import OPERATORS

SCHEMA = yaml.safe_load((ROOT / "config/schema.yaml").read_text())
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())


def changed(path, value):
    config = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place[key]
    place[last] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sed", 1, "unknown key 'sed'; did you mean 'seed'?"),
        ("upstream.epoch", 3, "unknown key 'upstream.epoch'; did you mean 'upstream.epochs'?"),
        ("downstream.classification.unfreze", {}, "did you mean 'downstream.classification.unfreeze'?"),
        ("datasets.internal.phantom.sites", "a", "did you mean 'datasets.internal.phantom.site'?"),
        ("network.attention", "al", "'network.attention' is 'al', which is none of all, last, none"),
        ("pretexts", ["smartnt"], "did you mean 'smartnet'?"),
        (
            "operators.classification",
            ["conv3d"],
            "'operators.classification.0' is 'conv3d', which is none of bilstm,",
        ),
        ("operators.segmentation", ["non_local"], "did you mean 'non-local'?"),
        (
            "operators.pretexts",
            ["smart-net"],
            "'operators.pretexts.0' is 'smart-net', which is none of scratch,",
        ),
        ("preprocess.size", [64, 100], "'preprocess.size.1' is 100: 100 is not a multiple of 16"),
        ("preprocess.size", [64], "'preprocess.size' is [64]: [64] is too short"),
        ("preprocess.size", 64, "'preprocess.size' is 64: 64 is not of type 'array'"),
        ("preprocess.crop_margin", None, "'preprocess.size' is [64, 48], which would stretch whole images"),
        (
            "datasets.internal",
            {"role": "test", "shards": 1},
            "has neither 'path' (your own DICOM) nor 'phantom'",
        ),
        ("datasets.Internal", DEFAULT["datasets"]["internal"], "Internal"),
        ("words.folder", "/no/such/place", "words.folder: there is no folder '/no/such/place'"),
        ("words.count", 1, "'words.count' is 1"),
        ("evaluation.lesion_bins_ml", [5, 1], "'evaluation.lesion_bins_ml' is [5, 1]: volumes must rise"),
        ("network", {"depth": 18, "width": 1}, "key 'network.attention' is missing"),
        (
            "evaluation.operating_point",
            "yuden",
            "is 'yuden': 'yuden' does not match '^youden$' (threshold of",
        ),
        ("evaluation.operating_point", 0.95, "youden, or a sensitivity on validation scans such as {sens"),
        ("evaluation.operating_point", {"sensitivity": 95}, "95 is greater than the maximum of 1"),
        (
            "evaluation.operating_point",
            {"sensitivty": 0.9},
            "did you mean 'evaluation.operating_point.sensit",
        ),
        ("evaluation.prevalence", [6], "'evaluation.prevalence.0' is 6: 6 is greater than or equal to"),
    ],
)
def test_a_wrong_key_or_value_is_named(path, value, message):
    with pytest.raises(ConfigError) as error:
        check(changed(path, value), SCHEMA)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["youden", {"sensitivity": 0.95}, {"sensitivity": 1}])
def test_an_overlay_can_change_the_kind_of_operating_point(value):
    config = copy.deepcopy(DEFAULT)
    update_config(config, {"evaluation": {"operating_point": value}})
    assert check(config, SCHEMA)["evaluation"]["operating_point"] == value


@pytest.mark.parametrize("kept", ["development", "internal"])
def test_a_study_needs_development_and_test(kept):
    config = changed("datasets", {kept: DEFAULT["datasets"][kept]})
    missing = {"development": "test", "internal": "development"}[kept]
    with pytest.raises(ConfigError, match=f"no data set has 'role: {missing}'"):
        check(config, SCHEMA)


def test_a_data_set_of_null_is_left_out():
    assert "internal" not in check(changed("datasets.internal", None), SCHEMA)["datasets"]


class TestOwnData:
    """`path` in a data set points to DICOM files, labels and masks."""

    def message(self, **entry):
        with pytest.raises(ConfigError) as error:
            check(changed("datasets.internal", {"role": "test", "shards": 1, **entry}), SCHEMA)
        return str(error.value)

    def test_missing_folder(self):
        assert "there is no folder '/no/such/place'" in self.message(path="/no/such/place")

    def test_empty_folder(self, tmp_path):
        assert "is empty; put the DICOM files there" in self.message(path=str(tmp_path))

    def test_no_labels(self, tmp_path):
        (tmp_path / "1.dcm").touch()
        assert "no table of labels" in self.message(path=str(tmp_path))

    def test_missing_masks(self, tmp_path):
        (tmp_path / "labels.tsv").touch()
        assert "mend the path" in self.message(path=str(tmp_path), masks=str(tmp_path / "none"))

    def test_good(self, tmp_path):
        (tmp_path / "labels.tsv").touch()
        check(changed("datasets.internal", {"role": "test", "shards": 1, "path": str(tmp_path)}), SCHEMA)


class TestWeights:
    """`pretrained` gives the files of the starts `imagenet` and `checkpoint`."""

    def config(self, start, path):
        return changed("pretexts", ["scratch", start]) | {
            "pretrained": {"imagenet": None, "checkpoint": None, start: path}
        }

    @pytest.mark.parametrize("start", FROM_FILE)
    def test_a_start_without_its_file(self, start, tmp_path):
        for path, message in [
            (None, f"'pretexts' lists '{start}', but 'pretrained.{start}' is null: give its weights there"),
            ("/no/such.pth", f"pretrained.{start}: there is no file '/no/such.pth'; give the path"),
            (str(tmp_path), f"pretrained.{start}: there is no file '{tmp_path}/model.safetensors'"),
        ]:
            with pytest.raises(ConfigError) as error:
                check(self.config(start, path), SCHEMA)
            assert message in str(error.value) and "\n" not in str(error.value)

    @pytest.mark.parametrize("start", FROM_FILE)
    def test_good(self, start, tmp_path):
        for name in ("model.safetensors", "model.json"):
            (tmp_path / name).touch()
        check(self.config(start, str(tmp_path)), SCHEMA)
        check(self.config(start, str(tmp_path / "model.json")), SCHEMA)

    def test_a_path_that_no_start_reads_may_lie_elsewhere(self):
        check(changed("pretrained.imagenet", "/another/machine.pth"), SCHEMA)


def test_schema_and_table_know_the_same_starts():
    assert SCHEMA["properties"]["pretexts"]["items"]["enum"] == list(PRETEXTS)


def test_schema_networks_and_figures_know_the_same_operators():
    operators = SCHEMA["properties"]["operators"]["properties"]
    assert {name: operators[name]["items"]["enum"] for name in ("classification", "segmentation")} == {
        "classification": list(OPERATORS["classifier"]),
        "segmentation": list(OPERATORS["segmenter"]),
    }
    assert list(names.OPERATORS) == [*OPERATORS["classifier"], *OPERATORS["segmenter"]]


def test_models_are_starts_times_operators_and_the_baselines():
    names = list(models(DEFAULT))
    assert names == [
        *(f"{pretext}_bilstm" for pretext in DEFAULT["pretexts"]),
        *(f"{pretext}_conv3d" for pretext in DEFAULT["pretexts"]),
        "threshold-50hu_classification",
        "threshold-50hu_segmentation",
    ]


def test_further_operators_are_trained_from_their_starts_alone():
    """Operator ablation of the paper: on SMART-Net."""
    config = changed("operators.classification", ["bilstm", "gru", "mean"])
    config["operators"]["segmentation"] = ["conv3d", "none"]
    learned = [name for name, model in models(check(config, SCHEMA)).items() if model.pretext]
    assert learned == [
        *(f"{pretext}_bilstm" for pretext in DEFAULT["pretexts"]),
        *("smartnet_gru", "smartnet_mean"),
        *(f"{pretext}_conv3d" for pretext in DEFAULT["pretexts"]),
        "smartnet_none",
    ]
    config["operators"]["pretexts"] = ["scratch", "smartnet"]
    assert {"scratch_gru", "scratch_none"} < models(config).keys()


@pytest.mark.parametrize(
    ("pretexts", "reference", "start"),
    [
        (["scratch", "smartnet", "cls"], "smartnet", "smartnet"),
        (["scratch", "smartnet"], "scratch", "scratch"),
        (["scratch", "cls"], "smartnet", "cls"),
    ],
)
def test_all_are_tested_against_the_reference_or_the_last_start(pretexts, reference, start):
    config = changed("evaluation.reference", reference) | {"pretexts": pretexts}
    found = references(check(config, SCHEMA))
    assert found == {"classification": f"{start}_bilstm", "segmentation": f"{start}_conv3d"}
    assert set(found.values()) <= models(config).keys()


def test_a_reference_is_a_start():
    with pytest.raises(ConfigError, match=r"'evaluation.reference' is 'smart-net'.*did you mean 'smartnet'"):
        check(changed("evaluation.reference", "smart-net"), SCHEMA)


def test_an_operator_needs_a_start_of_the_study():
    config = changed("pretexts", ["scratch", "cls"])
    check(config, SCHEMA)  # one operator per task: nothing is asked of operators.pretexts
    config["operators"]["classification"] = ["bilstm", "gru"]
    with pytest.raises(ConfigError) as error:
        check(config, SCHEMA)
    assert str(error.value) == (
        "'operators.pretexts' names the start 'smartnet' for gru, but 'pretexts' is [scratch, cls]: "
        "add it there, or name a start of that list"
    )


def test_reference_of_the_configuration_is_up_to_date():
    page = (ROOT / "config/README.md").read_text()
    assert page == describe(SCHEMA, DEFAULT), "run: make docs"


def test_every_key_of_the_default_is_explained():
    lines = (ROOT / "config.yaml").read_text().splitlines()
    top = [number for number, line in enumerate(lines) if line and not line.startswith((" ", "#"))]
    explained = [
        n for n in top if "#" in lines[n] or lines[n - 1].startswith("#") or "#" in "".join(lines[n : n + 14])
    ]
    assert explained == top


@pytest.mark.parametrize(("given", "value"), [("true", True), ("false", False), (True, True)])
def test_confirm_of_the_command_line_is_a_truth_value(given, value):
    assert check(changed("confirm", given), SCHEMA)["confirm"] is value


def test_confirm_is_nothing_else():
    with pytest.raises(ConfigError, match=r"'confirm' is 'yes': 'yes' is not of type 'boolean'"):
        check(changed("confirm", "yes"), SCHEMA)


PUBLISHED = {
    "seeds": [42],
    "preprocess": {
        "crop_margin": None,
        "size": [256, 256],
        "level": 40,
        "width": 80,
        "clahe_clip": 2.0,
        "clahe_tiles": 8,
        "min_speck_px": 3,
    },
    "network": {"depth": 50, "width": 1.0, "attention": "all"},
    "words.count": 44,
    "words.neighbours": 200,
    "words.valid_neighbours": 30,
    "words.crops": 3,
    "augmentation.probability": 0.5,
    "augmentation.shift": 0.06,
    "augmentation.scale": 0.1,
    "augmentation.rotation_deg": 15,
    "augmentation.noise_variance": [0.001, 0.005],
    "augmentation.blur_px": 3,
    "augmentation.flip": "all",
    "upstream.sampling": "volume",
    "upstream.slices_per_volume": 1,
    "upstream.loss_weights": {"cls": 1.0, "seg": 1.0, "rec": 1.0, "consistency": 0.5},
    "upstream.consistency_pooling": "max-avg",
    "downstream.segmentation.transfer_decoder": False,
    "downstream.segmentation.crop_slices": None,
} | {
    f"{stage}.{key}": value
    for stage in ("upstream", "downstream.classification", "downstream.segmentation")
    for key, value in {
        "optimizer": "adam",
        "learning_rate": 5e-4,
        "weight_decay": 5e-4,
        "betas": [0.9, 0.999],
        "warmup": 0.01,
        "constant": 0.1,
    }.items()
}


@pytest.mark.parametrize("path", PUBLISHED)
def test_paper_yaml_is_the_published_method_whatever_the_default_study_does(path):
    """Kyung et al. 2022; an overlay that forgets a key would inherit the default study's value."""
    config = copy.deepcopy(DEFAULT)
    update_config(config, yaml.safe_load((ROOT / "config/paper.yaml").read_text()))
    value = config
    for key in path.split("."):
        value = value[key]
    assert value == PUBLISHED[path]
