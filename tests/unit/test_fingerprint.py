import shutil
from pathlib import Path

import pytest

from smartnet import fingerprint as fp


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library of three modules: a imports b, c stands alone."""
    (tmp_path / "__init__.py").write_text('"""Top."""\n')
    (tmp_path / "a.py").write_text("from smartnet.b import f\n\ndef g():\n    return f() + 1\n")
    (tmp_path / "b.py").write_text('def f():\n    """One."""\n    return 1\n')
    (tmp_path / "c.py").write_text("def h():\n    return 3\n")
    monkeypatch.setattr(fp, "ROOT", tmp_path)
    _forget()
    yield tmp_path
    _forget()


def _forget():
    for function in (fp._source_file, fp._parse, fp._behaviour, fp._imported, fp._module_of, fp.fingerprint):
        function.cache_clear()


def _after(file: Path, text: str) -> str:
    file.write_text(text)
    _forget()
    return fp.fingerprint("smartnet.a")


def test_names_all_modules_behind_a_module(library):
    assert fp.modules_behind("smartnet.a") == ["smartnet", "smartnet.a", "smartnet.b"]


def test_behaviour_of_an_imported_module_changes_it(library):
    before = fp.fingerprint("smartnet.a")
    assert _after(library / "b.py", "def f():\n    return 2\n") != before


def test_docstrings_comments_and_layout_do_not(library):
    before = fp.fingerprint("smartnet.a")
    text = 'def f():\n    """Another text,\n    longer."""\n\n    # why\n    return (\n        1\n    )\n'
    assert _after(library / "b.py", text) == before


def test_a_module_that_is_not_imported_does_not(library):
    before = fp.fingerprint("smartnet.a")
    assert _after(library / "c.py", "def h():\n    return 4\n") == before


def test_relative_and_lazy_imports_count(library):
    (library / "a.py").write_text("def g():\n    from .b import f\n    return f()\n")
    _forget()
    assert "smartnet.b" in fp.modules_behind("smartnet.a")


def test_unknown_module_is_named(library):
    with pytest.raises(ModuleNotFoundError, match=r"smartnet\.nothing"):
        fp.fingerprint("smartnet.nothing")


def test_a_copy_elsewhere_has_the_same_fingerprint(library, tmp_path_factory, monkeypatch):
    before = fp.fingerprint("smartnet.a")
    copy = tmp_path_factory.mktemp("copy") / "smartnet"
    shutil.copytree(library, copy)
    monkeypatch.setattr(fp, "ROOT", copy)
    _forget()
    assert fp.fingerprint("smartnet.a") == before


def test_a_class_counts_with_its_module(library):
    (library / "c.py").write_text("class One:\n    pass\n\nclass Two:\n    pass\n")
    _forget()
    assert fp.modules_behind("smartnet.c.One") == ["smartnet", "smartnet.c"]
    assert len({fp.fingerprint(f"smartnet.c{name}") for name in ("", ".One", ".Two")}) == 3
    with pytest.raises(ModuleNotFoundError, match=r"smartnet\.c\.Three"):
        fp.fingerprint("smartnet.c.Three")


def test_what_is_behind_a_fingerprint_is_kept(library):
    assert list(fp.BEHIND[fp.fingerprint("smartnet.a")]) == ["smartnet", "smartnet.a", "smartnet.b"]
