"""Writes config/README.md from the schema and the defaults: ``make docs``."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

HEADER = """\
# Configuration

`config.yaml` in the root is the default study; files in this folder are overlays that change single keys. Snakemake merges them in order:

    snakemake --cores all --configfile config/paper.yaml config/my-hospital.yaml

- `smoke.yaml`: everything in seconds, to see whether an installation works;
- `paper.yaml`: the published set-up, for GPUs;
- `config.yaml`: the beginning of your own overlay, which `snakedeploy` copies.

A misspelt key is an error that names the nearest right one. A data set set to `null` in an overlay is left out.
Settings reach only the rules that read them: changing one reruns these rules and what depends on them, nothing else ([which](../docs/reference/rerun.md)).

This page is made from `config/schema.yaml` and `config.yaml` by `make docs`.

| key | default | values | meaning |
|---|---|---|---|
"""


def _resolve(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = node.get("$ref")
    if not reference:
        return node
    target: Any = schema
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **{key: value for key, value in node.items() if key != "$ref"}}


def _values(node: Mapping[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    if node.get("type") == "array":
        low, high = node.get("minItems"), node.get("maxItems")
        count = f"{low}, each " if low == high and low else ""
        return f"list of {count}{_values(node['items'])}"
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum")
    high = high if high is not None else node.get("exclusiveMaximum")
    limits = f" {low}..{high}" if None not in (low, high) else f" from {low}" if low is not None else ""
    step = f", multiple of {node['multipleOf']}" if "multipleOf" in node else ""
    kinds = node.get("type", "")
    return f"{kinds if isinstance(kinds, str) else ' or '.join(kinds)}{limits}{step}"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return f"`[{', '.join(str(item) for item in value)}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def leaves(
    schema: Mapping[str, Any], node: Mapping[str, Any] | None = None, path: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every setting of a schema, its path with dots (``<name>`` where names are free) and its own schema."""
    node = _resolve(schema if node is None else node, schema)
    children = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), Mapping):
        children["<name>"] = node["additionalProperties"]
    if not children or "string" in node.get("type", ()):  # a word, or keys
        yield path, node
    for key, child in children.items():
        yield from leaves(schema, child, f"{path}.{key}" if path else key)


def setting(config: Any, path: str) -> Any:
    """The value of a setting; None where a configuration does not give it."""
    for key in path.split("."):
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def describe(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Describe every key of the configuration as a Markdown page."""
    rows = (
        f"| `{path}` | {_shown(setting(defaults, path))} | {_values(node)} | {node.get('description', '')} |"
        for path, node in leaves(schema)
    )
    return HEADER + "\n".join(rows) + "\n"


def main() -> None:
    """Write config/README.md of the checkout that this file lies in."""
    import yaml

    root = Path(__file__).resolve().parents[2]
    schema = yaml.safe_load((root / "config/schema.yaml").read_text())
    defaults = yaml.safe_load((root / "config.yaml").read_text())
    (root / "config/README.md").write_text(describe(schema, defaults))


if __name__ == "__main__":
    main()
