"""The study's configuration: checked against its schema, every finding one readable line."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smartnet.errors import ConfigError
from smartnet.experiments import FROM_FILE, TASKS, reference_start


def _path_of(error: Any) -> str:
    return ".".join(str(part) for part in error.absolute_path)


def _allowed(error: Any) -> list[str]:
    return sorted(error.schema.get("properties", {}))


def _unknown_keys(error: Any) -> list[str]:
    return sorted(set(error.instance) - set(error.schema.get("properties", {})))


def _explain(error: Any) -> str:
    """Turn a finding of jsonschema into: where, offending value, what to do."""
    where = _path_of(error)
    prefix = f"{where}." if where else ""
    if error.validator == "additionalProperties":
        key = _unknown_keys(error)[0]
        near = difflib.get_close_matches(key, _allowed(error), n=1, cutoff=0.0)
        return f"unknown key '{prefix}{key}'; did you mean '{prefix}{near[0]}'?"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"key '{prefix}{missing}' is missing; add it (config/README.md explains every key)"
    if error.validator == "enum":
        choices = [str(choice) for choice in error.validator_value]
        near = difflib.get_close_matches(str(error.instance), choices, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"'{where}' is '{error.instance}', which is none of {', '.join(choices)}{hint}"
    if error.validator == "anyOf":
        return f"data set '{where}' has neither 'path' (your own DICOM) nor 'phantom'; give one of them"
    several = error.validator == "pattern" or isinstance(error.validator_value, list)
    about = f" ({error.schema['description']})" if several and "description" in error.schema else ""
    return f"'{where}' is {error.instance!r}: {error.message}{about}"


def _without_nulls(config: Mapping[str, Any]) -> dict[str, Any]:
    datasets = config.get("datasets")
    if not isinstance(datasets, Mapping):
        return dict(config)
    kept = {name: dict(entry) for name, entry in datasets.items() if entry is not None}
    return {**config, "datasets": kept}


def _with_confirm(config: Mapping[str, Any]) -> dict[str, Any]:
    """``--config confirm=true`` arrives as a text: Snakemake knows but ``True``."""
    given = config.get("confirm")
    return {**config, "confirm": given == "true"} if given in ("true", "false") else dict(config)


def _check_aspect(preprocess: Mapping[str, Any]) -> None:
    rows, columns = preprocess["size"]
    if preprocess["crop_margin"] is None and rows != columns:
        raise ConfigError(
            f"'preprocess.size' is [{rows}, {columns}], which would stretch whole images: give equal "
            "rows and columns, or a 'preprocess.crop_margin'"
        )


def _check_roles(datasets: Mapping[str, Mapping[str, Any]]) -> None:
    for role in ("development", "test"):
        if not any(entry["role"] == role for entry in datasets.values()):
            raise ConfigError(f"no data set has 'role: {role}'; a study needs at least one ('datasets')")


def _check_paths(datasets: Mapping[str, Mapping[str, Any]]) -> None:
    for name, entry in datasets.items():
        if "path" not in entry:
            continue
        folder = Path(entry["path"])
        if not folder.is_dir():
            raise ConfigError(
                f"datasets.{name}.path: there is no folder '{folder}'; give the folder with the DICOM files"
            )
        if not any(folder.iterdir()):
            raise ConfigError(
                f"datasets.{name}.path: the folder '{folder}' is empty; put the DICOM files there"
            )
        for key, default in (("labels", folder / "labels.tsv"), ("masks", folder / "masks")):
            if key in entry and not Path(entry[key]).exists():
                raise ConfigError(f"datasets.{name}.{key}: '{entry[key]}' does not exist; mend the path")
            if key == "labels" and key not in entry and not default.is_file():
                raise ConfigError(
                    f"datasets.{name}: no table of labels '{default}'; write one "
                    f"(docs/reference/artifacts.md) or give its place as datasets.{name}.labels"
                )


def _check_words(words: Mapping[str, Any]) -> None:
    folder = words["folder"]
    if folder is not None and not Path(folder).is_dir():
        raise ConfigError(
            f"words.folder: there is no folder '{folder}'; give the folder of the TransVW files, or null"
        )


def _check_operators(config: Mapping[str, Any]) -> None:
    """A second operator of a task is compared on starts that the study must train."""
    operators, starts = config["operators"], config["pretexts"]
    missing = [start for start in operators["pretexts"] if start not in starts]
    several = [name for task in TASKS for name in operators[task][1:]]
    if several and missing:
        raise ConfigError(
            f"'operators.pretexts' names the start '{missing[0]}' for {', '.join(several)}, but 'pretexts' "
            f"is [{', '.join(starts)}]: add it there, or name a start of that list"
        )


def _check_pretrained(config: Mapping[str, Any]) -> None:
    for start in FROM_FILE:
        if start not in config["pretexts"]:
            continue
        path = config["pretrained"][start]
        if path is None:
            raise ConfigError(
                f"'pretexts' lists '{start}', but 'pretrained.{start}' is null: give its weights there "
                "(docs/how-to/weights.md)"
            )
        missing = [file for file in weight_files(path) if not Path(file).is_file()]
        if missing:
            raise ConfigError(
                f"pretrained.{start}: there is no file '{missing[0]}'; give the path of the weights"
            )


def weight_files(path: str) -> list[str]:
    """List the files of weights at a path of the configuration: itself, or those of a network's folder."""
    if Path(path).is_dir():
        return [f"{path}/{name}" for name in ("model.safetensors", "model.json")]
    return [path]


def _check_bins(edges: Sequence[float]) -> None:
    if list(edges) != sorted(edges):
        raise ConfigError(f"'evaluation.lesion_bins_ml' is {list(edges)}: volumes must rise; sort them")


def check(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Check a configuration; return it without the data sets that are null, with a reference that is there.

    Args:
        config: the merged configuration.
        schema: JSON Schema, config/schema.yaml.

    Raises:
        ConfigError: the first finding, as one line that names the key, the value and the remedy.
    """
    from jsonschema import Draft202012Validator

    known = _with_confirm(_without_nulls(config))
    findings = sorted(Draft202012Validator(schema).iter_errors(known), key=_severity)
    if findings:
        raise ConfigError(_explain(findings[0]))
    _check_aspect(known["preprocess"])
    _check_operators(known)
    _check_roles(known["datasets"])
    _check_paths(known["datasets"])
    _check_words(known["words"])
    _check_bins(known["evaluation"]["lesion_bins_ml"])
    _check_pretrained(known)
    evaluation = {**known["evaluation"], "reference": reference_start(known)}
    return {**known, "evaluation": evaluation}


def _severity(error: Any) -> tuple[int, str]:
    """Misspelt keys first: a missing key is often the other half of the same slip."""
    return (0 if error.validator == "additionalProperties" else 1, _path_of(error))
