"""Tables and helpers that the rules share: the checked configuration, the experiment table, input functions.

Nothing heavy is imported: this file is read at every start and by every job.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import yaml

# The folder of this workflow; jobs run in another where it is used as a module.
ROOT = Path(workflow.current_basedir).parent
sys.path.insert(0, str(ROOT / "scripts"))

from smartnet.chosen import place
from smartnet.config import check, weight_files
from smartnet.dicom.folders import folder_state
from smartnet.errors import ConfigError
from smartnet.experiments import FROM_FILE, PRETEXTS, TASKS, models, references
from smartnet.figures.names import display_name
from smartnet.fingerprint import fingerprint, script_fingerprint
from smartnet.metrics.convention import EMPTY_CONVENTION
from snakemake.utils import update_config

if any(workflow.modifier.modify_path(name) != name for name in ("results/", "logs/", "resources/")):
    raise ConfigError(
        "'prefix' or 'replace_prefix' of a module changes paths of this workflow, which are settings of its rules too: "
        "leave it out, and run in a working folder of its own (snakemake --directory)"
    )

# What is given, on the command line or by a workflow that uses this one, is laid over the default study. (`configfile:`
# would look for it in the working folder, and not at all in a module that is given a configuration.)
overlaid = yaml.safe_load((ROOT / "config.yaml").read_text())
update_config(overlaid, config)
config = check(overlaid, yaml.safe_load((ROOT / "config/schema.yaml").read_text()))

DATASETS = config["datasets"]
TEST_SETS = [name for name, entry in DATASETS.items() if entry["role"] == "test"]
MODELS = models(config)
LEARNED = [name for name, model in MODELS.items() if model.pretext]
BASELINES = [name for name, model in MODELS.items() if not model.pretext]
# The 3D operator of each task that every start is trained with.
OPERATORS = {task: operators[0] for task, operators in config["operators"].items() if task in TASKS}
# What is set side by side: every start with that operator, and the baselines...
COMPARED = [
    name for name, model in MODELS.items() if not model.pretext or model.operator == OPERATORS[model.task]
]
# ... and all 3D operators of a start (where there is but one operator, the start named for more may be missing).
SIBLINGS = [name for name in LEARNED if MODELS[name].pretext in config["operators"]["pretexts"]] or LEARNED

# What all others are tested against: this start with the first 3D operator of each task.
REFERENCE = config["evaluation"]["reference"]
REFERENCES = references(config)
SEEDS = config["seeds"]
STYLE = yaml.safe_load((ROOT / "scripts/smartnet/figures/style.yaml").read_text())
update_config(STYLE, config.get("style", {}))
FIRST_SEED = SEEDS[0]


def one_of(names):
    """A wildcard constraint: exactly one of these names, nothing if there is none."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def models_of(task, among=None):
    """Names of the models that do this task."""
    return [name for name in (MODELS if among is None else among) if MODELS[name].task == task]


def shipped(path):
    """A file that comes with this workflow, as the working folder sees it: relative to it, where it is the same."""
    return path if ROOT.samefile(Path.cwd()) else str(ROOT / path)


def is_phantom(dataset):
    """Whether a data set is made here rather than found on disk."""
    return "path" not in DATASETS[dataset]


def raw_folder(wildcards):
    """The folder that holds the DICOM files of a data set."""
    return DATASETS[wildcards.dataset].get("path", f"resources/phantom/{wildcards.dataset}")


def raw_labels(wildcards):
    """The table of labels of a data set."""
    return DATASETS[wildcards.dataset].get("labels", f"{raw_folder(wildcards)}/labels.tsv")


def masks_folder(wildcards):
    """The folder of reference masks of a data set, None if it has none."""
    entry = DATASETS[wildcards.dataset]
    folder = Path(entry.get("masks", f"{raw_folder(wildcards)}/masks"))
    return str(folder) if is_phantom(wildcards.dataset) or folder.is_dir() else None


@cache
def state_of(folder):
    """A digest of the files below a folder (names, sizes, times): one that is new or changed reruns its readers."""
    return folder_state(Path(folder))


INDEX_CODE = fingerprint("smartnet.dicom.index")


@cache
def states_of_shards(dataset, indexed):
    """States of the shards of a data set of one's own, after its index has been brought up to date; [] without one.

    Only the process that plans looks at the data set; jobs take its word. ``indexed``, the time of the index,
    only keeps answers apart.
    """
    from smartnet.dicom.index import refresh
    from smartnet.dicom.states import shard_states
    from smartnet.errors import DataError
    from smartnet.job.failures import in_plain_words

    own, index = SimpleNamespace(dataset=dataset), Path(f"resources/index/{dataset}.tsv")
    masks, key, folder = masks_folder(own), Path(identity_key(own)), Path(raw_folder(own))
    if not (indexed and key.is_file()):
        return []
    whole = None
    try:
        if not (workflow.remote_exec or workflow.subprocess_exec):
            private = index.with_name(f"{dataset}_private.tsv")
            whole = refresh(folder, index, private=private, code=INDEX_CODE, threads=workflow.cores or 1)
            if whole is None:
                return []
        return shard_states(
            index,
            whole=whole,
            labels=Path(raw_labels(own)),
            masks=Path(masks) if masks else None,
            key=key.read_bytes(),
            shards=DATASETS[dataset]["shards"],
        )
    except OSError as error:  # its own text has the file's path, which may name a patient
        why = in_plain_words(error) or error.strerror
        raise DataError(f"data set {dataset} cannot be looked through: {why}") from None


def shard_state(wildcards):
    """State of all that belongs to a shard. Before the first index nothing is known of it; Snakemake asks again later."""
    if is_phantom(wildcards.dataset):
        return ""
    index = Path(f"resources/index/{wildcards.dataset}.tsv")
    states = states_of_shards(wildcards.dataset, index.stat().st_mtime_ns if index.is_file() else 0)
    return states[int(wildcards.shard)] if states else ""


def phantom_folder(wildcards):
    """The folder of a phantom, which is made; where data of one's own lie is no matter of rerunning."""
    return raw_folder(wildcards) if is_phantom(wildcards.dataset) else []


def identity_key(wildcards):
    """The secret behind the pseudonyms; phantoms have nobody to protect and need none."""
    return [] if is_phantom(wildcards.dataset) else "resources/identity/key"


def configured_names():
    """Names and paths that the configuration gives its data sets and weights, as one list."""
    weights = [path for path in config["pretrained"].values() if path]
    return weights + [
        text
        for name, entry in DATASETS.items()
        for text in (name, *(str(entry[key]) for key in ("path", "labels", "masks") if key in entry))
    ]


def shard_folders(stage, datasets):
    """All shards of a stage (volumes, slices) of these data sets, as a pattern's expansion."""
    return [
        f"results/{stage}/{dataset}/{shard}"
        for dataset in datasets
        for shard in range(DATASETS[dataset]["shards"])
    ]


def slices_of_role(role):
    """The slice folders of all data sets of one role."""
    return shard_folders("slices", [name for name in DATASETS if DATASETS[name]["role"] == role])


def volumes_of_dataset(wildcards):
    """The volume folders of one data set."""
    return shard_folders("volumes", [wildcards.dataset])


def slices_of_dataset(wildcards):
    """The slice folders of one data set."""
    return shard_folders("slices", [wildcards.dataset])


def devices_of(wildcards):
    """How many GPUs, or processes where there is none, share the training of a start or a model."""
    if hasattr(wildcards, "model"):
        return config["downstream"][MODELS[wildcards.model].task]["devices"]
    return config["upstream"]["devices"]


def start_of_model(wildcards):
    """The upstream weights that a model starts from."""
    return f"results/upstream/{MODELS[wildcards.model].pretext}/seed-{wildcards.seed}/model.safetensors"


KINDS = {"classification": "classifier", "segmentation": "segmenter"}


def code_of(module):
    """Fingerprint of a stage of the library, taken when a job needs it: one on a cluster takes only its own."""
    return lambda wildcards: fingerprint(module)


def code_of_models(stage, *names):
    """Fingerprint of a stage of the library with the 3D operators of these models."""
    return fingerprint(
        stage, *sorted({place(KINDS[MODELS[name].task], MODELS[name].operator) for name in names})
    )


def operators_in_start(pretext):
    """3D operators that come along, unused, in the file of weights that a start is read from."""
    if pretext != "checkpoint":
        return []
    source = Path(config["pretrained"][pretext])
    if not source.is_dir():  # of the release, which has but these
        return [place("classifier", "bilstm"), place("segmenter", "conv3d")]
    try:
        architecture = json.loads((source / "model.json").read_text())
        return [place(architecture["network"], architecture["operator"])]
    except (ValueError, LookupError, TypeError):  # the job says what is wrong with it
        return []


def code_of_start(stage, operators):
    """Fingerprint of a stage with what a start's own network has, and with these 3D operators, by task."""
    used = [place(KINDS[task], operator) for task, operator in operators.items()]
    return lambda wildcards: fingerprint(stage, *used, *operators_in_start(wildcards.pretext))


def code_of_upstream(wildcards):
    """Fingerprint of upstream training, with the self-supervised code that a start uses."""
    pretext = PRETEXTS[wildcards.pretext]
    used = {"restoration": pretext.get("distorted"), "words": "words" in pretext["heads"]}
    return fingerprint(
        "smartnet.training.upstream", *(place("selfsupervised", name) for name in used if used[name])
    )


def criterion_of_model(wildcards):
    """By what a model's operating point is chosen; of segmenters only learned ones have a choice."""
    if MODELS[wildcards.model].task == "classification":
        return config["evaluation"]["operating_point"]
    return "dsc" if MODELS[wildcards.model].pretext else "fixed"


def needs_words(wildcards):
    """Whether a start learns visual words."""
    return "words" in PRETEXTS[wildcards.pretext]["heads"]


def words_of_start(wildcards):
    """The table of visual words that a start learns, unless they are read from files."""
    found_here = needs_words(wildcards) and not config["words"]["folder"]
    return f"results/words/seed-{wildcards.seed}/words.tsv" if found_here else []


def word_files(wildcards):
    """The folder of visual words that a start reads instead, and its state."""
    folder = config["words"]["folder"] if needs_words(wildcards) else None
    return {"folder": folder, "state": state_of(folder) if folder else ""}


def measures_of(name, seed, dataset):
    """Where a segmenter's masks are measured, by scan and by lesion."""
    stem = f"results/measures/{name}/seed-{seed}/{dataset}"
    return {"measures": f"{stem}.csv", "lesions": f"{stem}_lesions.csv"}


def runs(task=None, seeds=SEEDS, datasets=TEST_SETS, among=None):
    """Every evaluated run: model, task, seed, test set, and where predictions, threshold and measures are."""
    return [
        {
            "model": name,
            "task": MODELS[name].task,
            "seed": seed,
            "dataset": dataset,
            "table": f"results/predictions/{name}/seed-{seed}/{dataset}.csv",
            "threshold": f"results/downstream/{name}/seed-{seed}/threshold.json",
            **(measures_of(name, seed, dataset) if MODELS[name].task == "segmentation" else {}),
        }
        for name in (MODELS if among is None else among)
        if task in (None, MODELS[name].task)
        for seed in seeds
        for dataset in datasets
    ]


LOCALISATION = "results/localisation/{pretext}/seed-{seed}.csv"
SEPARABILITY = "results/features/{pretext}/seed-{seed}/separability.tsv"


def of_starts(table):
    """One table per start and seed: start, seed, test sets, and where it is by this pattern."""
    return [
        {
            "model": pretext,
            "seed": seed,
            "datasets": TEST_SETS,
            "table": table.format(pretext=pretext, seed=seed),
        }
        for pretext in config["pretexts"]
        for seed in SEEDS
    ]


def growing(amount):
    """Memory or time of a job: this much, and as much again with every attempt."""
    return lambda wildcards, attempt: amount * attempt


def growing_by_thread(amount):
    """Memory of a job whose processes need this much each."""
    return lambda wildcards, threads, attempt: amount * threads * attempt


def growing_by_device(amount):
    """Memory of a training that needs this much for each of its devices."""
    return lambda wildcards, attempt: amount * devices_of(wildcards) * attempt


def column(rows, key):
    """One column of a list of rows."""
    return [row[key] for row in rows]


def style_of(figure, *groups):
    """What a figure is drawn with: sizes and these groups of colours, with its own changes."""
    sizes = {key: value for key, value in STYLE.items() if key not in ("colours", "figures")}
    own = STYLE["figures"].get(figure, {})
    colours = {group: STYLE["colours"][group] | own.get(group, {}) for group in groups}
    return sizes | {"colours": colours}


def shows(subject, model=None):
    """Labels of a figure or table, by which the report is filtered: all test sets, of all models or of one start."""
    return {"figure": subject, "model": display_name(model) if model else "all", "dataset": "all"}


def outputs_of(prefix):
    """What the rules make whose names here begin so, whatever a workflow calls them that uses them; those above the call."""
    return [
        str(file) for name, rule in rules._rules.items() if name.startswith(prefix) for file in rule.output
    ]


def count_scripts():
    """Let the scripts of the rules above count by what they do; our profiles turn off that they count by their time."""
    every = [proxy.rule for proxy in rules._rules.values()]
    for each in every:
        if each.script:
            each.set_params(script=script_fingerprint(ROOT / "scripts" / Path(each.script).name))


def before_the_first_job(workflow):
    """End the run if it cannot write or would do too much training again; note the fingerprints of the library."""
    from smartnet.job.failures import MADE, need_writable
    from smartnet.why.guard import guard
    from smartnet.why.ledger import known_fingerprints, note_fingerprints
    from smartnet.why.plan import planned

    need_writable(MADE)
    if not workflow.touch:
        hours, confirm = config["guard"]["training_hours"], config["confirm"]
        guard(planned(workflow.dag, known_fingerprints()), training_hours=hours, confirm=confirm)
    note_fingerprints()
