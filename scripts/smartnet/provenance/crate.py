"""A study as an RO-Crate 1.1 with the profile Workflow Run Crate 0.5 (Leo et al., PLoS ONE 2024).

The results folder is the crate. Files and folders that rules made are its data entities, the workflow's
Snakefile is its main entity, the study and each run are actions. Files inside such a folder are listed in
``provenance.json`` alone. There are no dates of now, so equal studies are equal crates.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from smartnet.provenance.check import CRATE

CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"},  # RO-Crate 1.1 has no word for it
]
WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
WORKFLOW, SNAKEFILE = "results/workflow", "Snakefile"
MAIN, STUDY = "workflow/Snakefile", "#study"
DONE = "http://schema.org/CompletedActionStatus"
OTHER_FORMAT = "application/octet-stream"
FORMATS = {
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".json": "application/json",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tex": "text/x-tex",
    ".tsv": "text/tab-separated-values",
}


def describe(content: Mapping[str, Any], citation: Mapping[str, Any], *, table: Path) -> dict[str, Any]:
    """Describe a study for others' tools.

    Args:
        content: see :func:`smartnet.provenance.collect.collect`.
        citation: content of ``CITATION.cff``: title, abstract, version, license, date-released, authors.
        table: where ``content`` was written, below the results.

    Returns:
        JSON-LD, a flat graph.
    """
    artifacts = content["artifacts"]
    parts = [_data_entity(path, entry) for path, entry in sorted(artifacts.items())]
    parts.append(_file(Path(table).name, "Provenance of every file"))
    runs = {name: run for name, run in sorted(content["runs"].items()) if _kept(run, artifacts)}
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": _refs(["https://w3id.org/ro/crate/1.1", WORKFLOW_CRATE]),
        "about": {"@id": "./"},
    }
    # A study without its text (made before there was a rule for it) still has a main entity, by name alone.
    known = [part for part in parts if part["@id"] != MAIN]
    actions = [_study(runs, artifacts), *(_action(name, run, artifacts) for name, run in runs.items())]
    graph = [
        descriptor,
        _root(citation, [MAIN, *(part["@id"] for part in known)], [action["@id"] for action in actions]),
        _workflow(citation, artifacts.get(WORKFLOW, {})),
        *_around(citation),
        *known,
        *actions,
        *_tools(runs),
        *_elsewhere(runs, content),
    ]
    return {"@context": CONTEXT, "@graph": graph}


def _refs(names: Iterable[str]) -> Any:
    """References to entities; a single one stands by itself (RO-Crate 1.1, JSON-LD)."""
    found = [{"@id": name} for name in names]
    return found[0] if len(found) == 1 else found


def _root(citation: Mapping[str, Any], parts: list[str], actions: list[str]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Results of a study with {citation['title']}",
        "description": "Date and licence are the workflow's: set those of the results before publishing.",
        "datePublished": str(citation["date-released"]),
        "license": {"@id": _licence_id(citation)},
        "author": _refs(author["@id"] for author in _authors(citation)),
        "conformsTo": _refs(PROFILES),
        "mainEntity": {"@id": MAIN},
        "hasPart": _refs(parts),
        "mentions": _refs(actions),
    }


def _licence_id(citation: Mapping[str, Any]) -> str:
    return f"https://spdx.org/licenses/{citation['license']}"


def _authors(citation: Mapping[str, Any]) -> list[dict[str, str]]:
    """People and organisations, numbered."""
    return [
        {
            "@id": f"#author-{number}",
            "@type": "Person" if "family-names" in author else "Organization",
            "name": author.get("name") or f"{author.get('given-names', '')} {author['family-names']}".strip(),
        }
        for number, author in enumerate(citation["authors"], start=1)
    ]


def _workflow(citation: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, Any]:
    entity = {
        "@id": MAIN,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
        "name": citation["title"],
        "description": " ".join(citation["abstract"].split()),
        "version": str(citation["version"]),
        "encodingFormat": "text/plain",
        "license": {"@id": _licence_id(citation)},
        "creator": _refs(author["@id"] for author in _authors(citation)),
        "programmingLanguage": {"@id": LANGUAGE},
    }
    file = text.get("files", {}).get(SNAKEFILE)
    return entity | ({"sha256": file["sha256"]} if file else {})


def _around(citation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Language, licence and authors of the workflow, and the profiles that the crate keeps to."""
    return [
        {
            "@id": LANGUAGE,
            "@type": "ComputerLanguage",
            "name": "Snakemake",
            "identifier": {"@id": "https://doi.org/10.12688/f1000research.29032.2"},
            "url": {"@id": "https://snakemake.readthedocs.io"},
        },
        {
            "@id": _licence_id(citation),
            "@type": "CreativeWork",
            "name": f"{citation['license']} License",
            "description": f"SPDX licence {citation['license']}",
        },
        *_authors(citation),
        *(
            {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
            for profile, (name, version) in PROFILES.items()
        ),
    ]


def _data_entity(path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    name = PurePosixPath(path).relative_to("results").as_posix()
    if "files" in entry:
        text = f"{len(entry['files'])} files, listed in provenance.json"
        return {"@id": f"{quote(name)}/", "@type": "Dataset", "name": name, "description": text}
    return _file(name, name) | {"sha256": entry["sha256"]}


def _file(path: str, name: str) -> dict[str, Any]:
    kind = FORMATS.get(PurePosixPath(path).suffix, OTHER_FORMAT)
    return {"@id": quote(path), "@type": "File", "name": name, "encodingFormat": kind}


def _kept(run: Mapping[str, Any], artifacts: Mapping[str, Any]) -> list[str]:
    """Outputs of a run but for results that are no longer there."""
    return [path for path in run["outputs"] if path in artifacts or not path.startswith("results/")]


def _entity_of(path: str, artifacts: Mapping[str, Any]) -> str:
    """Name the entity of an input or output: its own, that of the folder that holds it, or a mere name."""
    for place in (path, *map(str, PurePosixPath(path).parents)):
        if place in artifacts:
            name = quote(PurePosixPath(place).relative_to("results").as_posix())
            return f"{name}/" if "files" in artifacts[place] else name
    return f"#{quote(path)}"


def _tool_id(run: Mapping[str, Any]) -> str:
    return f"#rule-{run['rule']}-{run['code'] or 'without-library'}"


def _action(name: str, run: Mapping[str, Any], artifacts: Mapping[str, Any]) -> dict[str, Any]:
    action = {
        "@id": f"#run-{quote(name)}",
        "@type": "CreateAction",
        "name": f"Run of {name}",
        "description": f"Settings, versions and time: runs, {name} in provenance.json",
        "instrument": {"@id": _tool_id(run)},
        "actionStatus": DONE,
    }
    return action | _read_and_made(run["inputs"], _kept(run, artifacts), artifacts)


def _study(runs: Mapping[str, Mapping], artifacts: Mapping[str, Any]) -> dict[str, Any]:
    """The whole study as one action: from what no run made to the results that no run read."""
    made = {path for run in runs.values() for path in _kept(run, artifacts)}
    read = {path for run in runs.values() for path in run["inputs"]}
    action = {
        "@id": STUDY,
        "@type": "CreateAction",
        "name": "The study",
        "description": "All runs, from what none of them made to the results that none of them read",
        "instrument": {"@id": MAIN},
        "actionStatus": DONE,
    }
    return action | _read_and_made(read - made, (made - read) & artifacts.keys(), artifacts)


def _read_and_made(read: Iterable[str], made: Iterable[str], artifacts: Mapping[str, Any]) -> dict[str, Any]:
    """Object and result of an action, where there are any."""
    pairs = {"object": read, "result": made}
    found = {key: sorted({_entity_of(path, artifacts) for path in paths}) for key, paths in pairs.items()}
    return {key: _refs(names) for key, names in found.items() if names}


def _tools(runs: Mapping[str, Mapping]) -> list[dict[str, Any]]:
    """Rules, each with the fingerprint of the code that ran."""
    tools = {_tool_id(run): run for run in runs.values()}
    return [
        {
            "@id": tool,
            "@type": "SoftwareSourceCode",
            "name": f"rule {run['rule']}",
            "version": run["code"] or "without library code",
            "isPartOf": {"@id": MAIN},
        }
        for tool, run in sorted(tools.items())
    ]


def _elsewhere(runs: Mapping[str, Mapping], content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was read or written outside of the results, or is gone: named, no part of the crate."""
    artifacts = content["artifacts"]
    found = {path: sha for run in runs.values() for path, sha in run["inputs"].items()}
    found |= {path: run["outputs"][path] for run in runs.values() for path in _kept(run, artifacts)}
    named = {path: _entity_of(path, artifacts) for path in sorted(found)}
    return [
        {"@id": entity, "@type": "CreativeWork", "name": path}
        | ({"sha256": found[path]} if found[path] else {})
        for path, entity in named.items()
        if entity.startswith("#")
    ]
