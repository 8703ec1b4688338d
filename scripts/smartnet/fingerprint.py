"""Fingerprints of code: what a stage's library does, as a hash that layout and comments cannot change.

Snakemake's triggers watch a rule's script, not the library behind it. A rule passes
``params.code = fingerprint("smartnet.training")`` instead: the hash of the normalised source (the
syntax tree, unparsed) of that module and of every ``smartnet`` module it imports, directly or through
others. Behaviour changes it;
a docstring, a comment or a line break does not. Reading source is enough: nothing is imported or run.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = "smartnet"
ROOT = Path(__file__).resolve().parent


@cache
def _source_file(module: str) -> Path | None:
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    base = ROOT.joinpath(*parts[1:])
    for candidate in (base / "__init__.py", base.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


@cache
def _behaviour(file: Path) -> bytes:
    """The module's code without comments, docstrings and layout."""
    return ast.unparse(_parse(file)).encode()


@cache
def _parse(file: Path) -> ast.Module:
    tree = ast.parse(file.read_text(), filename=str(file))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def _parents(module: str) -> list[str]:
    """``a.b.c`` runs ``a`` and ``a.b`` on import."""
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


@cache
def _imported(module: str) -> frozenset[str]:
    file = _source_file(module)
    if file is None:
        return frozenset()
    is_package = file.name == "__init__.py"
    found: set[str] = set()
    for node in ast.walk(_parse(file)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            found.update(parent for parent in _parents(name) if _source_file(parent))
    return frozenset(found - {module})


def modules_behind(*modules: str) -> list[str]:
    """Name every library module that these modules run, themselves included, sorted.

    Raises:
        ModuleNotFoundError: a name is no module of the library.
    """
    for module in modules:
        if _source_file(module) is None:
            raise ModuleNotFoundError(f"no module {module!r} below {ROOT}")
    seen: set[str] = set()
    queue = list(modules)
    while queue:
        module = queue.pop()
        if module not in seen:
            seen.add(module)
            queue.extend(_imported(module) | set(_parents(module)))
    return sorted(seen)


def fingerprint(*modules: str) -> str:
    """Hash the behaviour of these modules and of all library code behind them (12 hex digits)."""
    digest = hashlib.sha256()
    for module in modules_behind(*modules):
        file = _source_file(module)
        if file is not None:
            digest.update(b"%s\n%s\n" % (module.encode(), _behaviour(file)))
    return digest.hexdigest()[:12]
