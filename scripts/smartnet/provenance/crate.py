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
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
WORKFLOW = "results/workflow/Snakefile"
FORMATS = {
    **{
        ".csv": "text/csv",
        ".tsv": "text/tab-separated-values",
        ".json": "application/json",
        ".tex": "text/x-tex",
    },
    **{".pdf": "application/pdf", ".png": "image/png", ".html": "text/html", ".gz": "application/gzip"},
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
    parts = [_data_entity(path, entry) for path, entry in sorted(artifacts.items()) if path != WORKFLOW]
    parts.append(
        {
            "@id": Path(table).name,
            "@type": "File",
            "name": "Provenance of every file",
            "encodingFormat": "application/json",
        }
    )
    runs = {name: run for name, run in sorted(content["runs"].items()) if _has_results(run, artifacts)}
    graph = [
        {
            "@id": CRATE,
            "@type": "CreativeWork",
            "conformsTo": _refs(["https://w3id.org/ro/crate/1.1", *list(PROFILES)[-1:]]),
            "about": {"@id": "./"},
        },
        _root(citation, [WORKFLOW_ID, *(part["@id"] for part in parts)], [STUDY, *map(_action_id, runs)]),
        *_workflow(citation, artifacts.get(WORKFLOW)),
        *parts,
        _study(runs, artifacts),
        *(_action(name, run, artifacts) for name, run in runs.items()),
        *_tools(runs),
        *_elsewhere(runs, content),
    ]
    return {"@context": CONTEXT, "@graph": graph}


STUDY = "#study"


def _id(path: str) -> str:
    return quote(PurePosixPath(path).relative_to("results").as_posix())


WORKFLOW_ID = _id(WORKFLOW)


def _refs(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": name} for name in names]


def _root(citation: Mapping[str, Any], parts: list[str], actions: list[str]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Results of a study with {citation['title']}",
        "description": "Date and licence are the workflow's: set those of the results before publishing.",
        "datePublished": str(citation["date-released"]),
        "license": {"@id": _licence_id(citation)},
        "author": _refs(_author_ids(citation)),
        "conformsTo": _refs(PROFILES),
        "mainEntity": {"@id": WORKFLOW_ID},
        "hasPart": _refs(parts),
        "mentions": _refs(actions),
    }


def _licence_id(citation: Mapping[str, Any]) -> str:
    return f"https://spdx.org/licenses/{citation['license']}"


def _author_ids(citation: Mapping[str, Any]) -> list[str]:
    return [f"#author-{number}" for number, _ in enumerate(citation["authors"], start=1)]


def _workflow(citation: Mapping[str, Any], entry: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The workflow, its language, licence and authors, and the profiles that the crate keeps to."""
    names = [
        author.get("name") or " ".join(filter(None, (author.get("given-names"), author.get("family-names"))))
        for author in citation["authors"]
    ]
    kinds = ["Person" if "family-names" in author else "Organization" for author in citation["authors"]]
    ids = _author_ids(citation)
    return [
        {
            "@id": WORKFLOW_ID,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": citation["title"],
            "description": citation["abstract"].strip(),
            "version": str(citation["version"]),
            "license": {"@id": _licence_id(citation)},
            "creator": _refs(ids),
            "programmingLanguage": {"@id": LANGUAGE},
        }
        | ({"sha256": entry["sha256"]} if entry else {}),
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
        *({"@id": i, "@type": kind, "name": name} for i, kind, name in zip(ids, kinds, names, strict=True)),
        *(
            {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
            for profile, (name, version) in PROFILES.items()
        ),
    ]


def _data_entity(path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    name = PurePosixPath(path)
    label = name.relative_to("results").as_posix()
    if "files" in entry:
        text = f"{len(entry['files'])} files, which provenance.json lists"
        return {"@id": f"{_id(path)}/", "@type": "Dataset", "name": label, "description": text}
    found = {"@id": _id(path), "@type": "File", "name": label, "sha256": entry["sha256"]}
    return found | ({"encodingFormat": FORMATS[name.suffix]} if name.suffix in FORMATS else {})


def _has_results(run: Mapping[str, Any], artifacts: Mapping[str, Any]) -> bool:
    return any(path in artifacts or not path.startswith("results/") for path in run["outputs"])


def _entity_of(path: str, artifacts: Mapping[str, Any]) -> str:
    """The entity that stands for an input or output: its own, that of the folder that holds it, or a name."""
    for place in (path, *map(str, PurePosixPath(path).parents)):
        if place in artifacts:
            return f"{_id(place)}/" if "files" in artifacts[place] else _id(place)
    return f"#{quote(path)}"


def _action_id(name: str) -> str:
    return f"#run-{quote(name)}"


def _tool_id(run: Mapping[str, Any]) -> str:
    return f"#rule-{run['rule']}-{run['code'] or 'without-library'}"


def _action(name: str, run: Mapping[str, Any], artifacts: Mapping[str, Any]) -> dict[str, Any]:
    kept = [path for path in run["outputs"] if path in artifacts or not path.startswith("results/")]
    return {
        "@id": _action_id(name),
        "@type": "CreateAction",
        "name": f"Run of {name}",
        "instrument": {"@id": _tool_id(run)},
        "object": _refs(sorted({_entity_of(path, artifacts) for path in run["inputs"]})),
        "result": _refs(sorted({_entity_of(path, artifacts) for path in kept})),
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
    }


def _study(runs: Mapping[str, Mapping], artifacts: Mapping[str, Any]) -> dict[str, Any]:
    """The whole study as one action: from what no run made to what no run read."""
    made = {path for run in runs.values() for path in run["outputs"]}
    read = {path for run in runs.values() for path in run["inputs"]}
    results = {path for path in made - read if path in artifacts}
    return {
        "@id": STUDY,
        "@type": "CreateAction",
        "name": "The study",
        "instrument": {"@id": WORKFLOW_ID},
        "object": _refs(sorted({_entity_of(path, artifacts) for path in read - made})),
        "result": _refs(sorted({_entity_of(path, artifacts) for path in results})),
        "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
    }


def _tools(runs: Mapping[str, Mapping]) -> list[dict[str, Any]]:
    """Rules, each with the fingerprint of the code that ran."""
    tools = {_tool_id(run): run for run in runs.values()}
    return [
        {
            "@id": tool,
            "@type": "SoftwareSourceCode",
            "name": f"rule {run['rule']}",
            "version": run["code"] or "without library code",
            "isPartOf": {"@id": WORKFLOW_ID},
        }
        for tool, run in sorted(tools.items())
    ]


def _elsewhere(runs: Mapping[str, Mapping], content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was read or written outside of the results: it is named, not part of the crate."""
    artifacts = content["artifacts"]
    shas = {path: sha for run in runs.values() for path, sha in run["inputs"].items()}
    shas |= {path: run["outputs"][path] for run in runs.values() for path in run["outputs"]}
    return [
        {"@id": entity, "@type": "CreativeWork", "name": path} | ({"sha256": sha} if sha else {})
        for path, sha in sorted(shas.items())
        if (entity := _entity_of(path, artifacts)).startswith("#")
        and (path in content["outside"] or not path.startswith("results/") or _is_read(path, runs))
    ]


def _is_read(path: str, runs: Mapping[str, Mapping]) -> bool:
    return any(path in run["inputs"] for run in runs.values())
