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
Settings reach only the rules that read them: changing one reruns these rules and what depends on them, nothing else.

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


def _rows(node: Mapping[str, Any], default: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    node = _resolve(node, schema)
    children = dict(node.get("properties", {}))
    if isinstance(node.get("additionalProperties"), Mapping):
        children["<name>"] = node["additionalProperties"]
    if not children or "string" in node.get("type", ()):  # a word, or keys
        yield f"| `{path}` | {_shown(default)} | {_values(node)} | {node.get('description', '')} |"
    for key, child in children.items():
        inner = default.get(key) if isinstance(default, Mapping) else None
        yield from _rows(child, inner, schema, f"{path}.{key}" if path else key)


def describe(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Describe every key of the configuration as a Markdown page."""
    return HEADER + "\n".join(_rows(schema, defaults, schema)) + "\n"


def main() -> None:
    """Write config/README.md of the checkout that this file lies in."""
    import yaml

    root = Path(__file__).resolve().parents[2]
    schema = yaml.safe_load((root / "config/schema.yaml").read_text())
    defaults = yaml.safe_load((root / "config.yaml").read_text())
    (root / "config/README.md").write_text(describe(schema, defaults))


if __name__ == "__main__":
    main()
