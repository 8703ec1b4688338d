"""Fingerprints of code: what a stage's library does, as a hash that layout and comments cannot change.

Snakemake's triggers watch a rule's script, not the library behind it. A rule passes
``params.code = fingerprint("smartnet.training")`` instead: the hash of the normalised source (the
syntax tree, unparsed) of that module and of every ``smartnet`` module it imports, directly or through
others. Behaviour changes it;
a docstring, a comment or a line break does not. Reading source is enough: nothing is imported or run.
"""

import ast
import hashlib
from collections.abc import Iterator
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
    for node in (tree, *_statements(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement in a block and in the blocks in it; expressions, most of a tree, are not walked."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        for child in getattr(node, block, ()):
            yield child
            yield from _statements(child)


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
    for node in _statements(_parse(file)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            found.update(parent for parent in _parents(name) if _source_file(parent))
    return frozenset(found - {module})


@cache
def _module_of(name: str) -> str:
    """The module that a dotted name is, or that defines the class or function it names."""
    if _source_file(name):
        return name
    module, _, attribute = name.rpartition(".")
    file = _source_file(module)
    if file and any(getattr(node, "name", None) == attribute for node in _parse(file).body):
        return module
    raise ModuleNotFoundError(f"no module {name!r} below {ROOT}")


def modules_behind(*names: str) -> list[str]:
    """Name every library module that these modules run, themselves included, sorted.

    Args:
        names: modules, or classes and functions in them (``smartnet.a.b.Name``): their modules.

    Raises:
        ModuleNotFoundError: a name is not of the library.
    """
    seen: set[str] = set()
    queue = [_module_of(name) for name in names]
    while queue:
        module = queue.pop()
        if module not in seen:
            seen.add(module)
            queue.extend(_imported(module) | set(_parents(module)))
    return sorted(seen)


BEHIND: dict[str, dict[str, str]] = {}
"""Every fingerprint taken in this process: the hash of each module behind it, by name."""


@cache
def fingerprint(*names: str) -> str:
    """Hash the behaviour of these modules and of all library code behind them (12 hex digits).

    A class or function counts by its name beside its module, so that the choice of another one tells.
    """
    digest = hashlib.sha256()
    parts = {}
    for module in modules_behind(*names):
        file = _source_file(module)
        if file is not None:
            behaviour = _behaviour(file)
            digest.update(b"%s\n%s\n" % (module.encode(), behaviour))
            parts[module] = hashlib.sha256(behaviour).hexdigest()[:12]
    for name in sorted(name for name in names if _source_file(name) is None):
        digest.update(f"{name}\n".encode())
    BEHIND[digest.hexdigest()[:12]] = parts
    return digest.hexdigest()[:12]


def script_fingerprint(file: Path) -> str:
    """Hash the behaviour of a rule's script, without what it imports: ``script`` and 12 hex digits."""
    return f"script {hashlib.sha256(_behaviour(file)).hexdigest()[:12]}"


def library() -> list[str]:
    """Name every module of the library, sorted."""
    files = (file.relative_to(ROOT) for file in ROOT.rglob("*.py"))
    parts = (file.parent.parts if file.stem == "__init__" else file.with_suffix("").parts for file in files)
    return sorted(".".join((PACKAGE, *part)) for part in parts)
