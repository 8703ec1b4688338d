"""The split: by patient, stratified, stable, and leak-proof across data sets."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartnet.errors import ConfigError, DataError
from smartnet.files import read_table, write_table
from smartnet.slices.split import assign_patients, make_split

ROLES = {"home": "development", "away": "test", "far": "test"}


def write_cases(folder, dataset, rows):
    """Write a cases.tsv of (patient, hemorrhage[, content]) rows."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["case\tpatient\tdataset\tfirst\tcount\themorrhage\tcontent"]
    for number, (patient, hemorrhage, *content) in enumerate(rows):
        image = content[0] if content else f"{dataset}{number}"
        lines.append(f"c-{dataset}-{number}\t{patient}\t{dataset}\t0\t1\t{hemorrhage}\t{image}")
    (folder / "cases.tsv").write_text("\n".join(lines) + "\n")
    return folder / "cases.tsv"


def split(tmp_path, tables, **changes):
    settings = {"roles": ROLES, "valid_fraction": 0.25, "seed": 42} | changes
    make_split(tables, tmp_path / "split.tsv", **settings)
    return read_table(tmp_path / "split.tsv")


@pytest.fixture
def tables(tmp_path):
    home = [(f"p{n}", int(n % 5 == 0)) for n in range(20)] + [("p3", 0), ("p0", 0)]
    return [
        write_cases(tmp_path / "a", "home", home[:9]),
        write_cases(tmp_path / "b", "home-2", home[9:]),
        write_cases(tmp_path / "c", "away", [("q1", 1), ("q2", 0)]),
        write_cases(tmp_path / "d", "far", [("q1", 0)]),
    ]


ROLES_2 = ROLES | {"home-2": "development"}


def test_patients_stay_together_and_both_classes_are_in_both_splits(tmp_path, tables):
    table = split(tmp_path, tables, roles=ROLES_2)
    assert len(table) == 25
    assert table.groupby("patient")["split"].nunique().max() == 1
    assert set(table[table["dataset"].isin(["away", "far"])]["split"]) == {"test"}
    development = table[table["dataset"].str.startswith("home")].drop_duplicates("patient")
    positives = development["patient"].str[1:].astype(int) % 5 == 0
    assert Counter(development[positives]["split"]) == {"train": 3, "valid": 1}
    assert Counter(development[~positives]["split"]) == {"train": 12, "valid": 4}


def test_of_test_sets_nothing_but_names_reaches_the_table_and_they_move_nobody(tmp_path, tables):
    """Why a job that trains may read the split, although the split reads every data set."""
    first = split(tmp_path, tables, roles=ROLES_2)
    assert list(first.columns) == ["case", "patient", "dataset", "split"]
    others = [write_cases(tmp_path / "e", "away", [(f"r{n}", 1 - n % 2) for n in range(30)])]
    second = split(tmp_path, tables[:2] + others, roles=ROLES_2)
    home = [table[table["split"] != "test"].reset_index(drop=True) for table in (first, second)]
    assert len(home[0]) == 22 and home[0].equals(home[1])


def test_the_order_of_shards_does_not_matter_but_the_seed_does(tmp_path, tables):
    split(tmp_path, tables, roles=ROLES_2)
    first = (tmp_path / "split.tsv").read_bytes()
    split(tmp_path, tables[::-1], roles=ROLES_2)
    assert (tmp_path / "split.tsv").read_bytes() == first
    split(tmp_path, tables, roles=ROLES_2, seed=43)
    assert (tmp_path / "split.tsv").read_bytes() != first


def test_a_patient_in_two_splits_is_named_with_the_data_sets(tmp_path):
    home = write_cases(tmp_path / "a", "home", [("p1", 1), ("p2", 0)])
    away = write_cases(tmp_path / "b", "away", [("p2", 0)])
    with pytest.raises(
        DataError, match=r"patient p2 is in two splits: test .data set away. and .*home.*remove"
    ):
        split(tmp_path, [home, away])
    assert not (tmp_path / "split.tsv").exists()


def test_the_same_images_under_two_patients_are_found(tmp_path):
    home = write_cases(tmp_path / "a", "home", [("p1", 1, "same"), ("p2", 0)])
    away = write_cases(tmp_path / "b", "away", [("p9", 0, "same")])
    with pytest.raises(DataError, match="cases c-away-0 and c-home-0 hold the same images"):
        split(tmp_path, [home, away])


def test_a_case_of_two_test_sets_is_refused(tmp_path):
    """Names of cases are those of their series: the table of metrics could not tell the two apart."""
    home = write_cases(tmp_path / "a", "home", [("p1", 1), ("p2", 0)])
    away = [write_cases(tmp_path / name, name, [("p9", 1)]) for name in ("away", "else")]
    renamed = read_table(away[1], dtype=str).assign(case="c-away-0")
    write_table(renamed, away[1])
    with pytest.raises(
        DataError, match=r"case c-away-0 stands twice: test .data set away. and test .data set else."
    ):
        split(tmp_path, [home, *away], roles=ROLES | {"else": "test"})


def test_wrong_settings_and_empty_data_are_named(tmp_path):
    home = write_cases(tmp_path / "a", "home", [("p1", 1)])
    with pytest.raises(
        ConfigError, match="role of data set home is 'train': choose one of development, test"
    ):
        split(tmp_path, [home], roles={"home": "train"})
    with pytest.raises(ConfigError, match="data set home has no role"):
        split(tmp_path, [home], roles={})
    with pytest.raises(ConfigError, match=r"valid_fraction is 1\.5"):
        split(tmp_path, [home], valid_fraction=1.5)
    with pytest.raises(DataError, match="no accepted case in any data set"):
        split(tmp_path, [write_cases(tmp_path / "n", "home", [])])
    with pytest.raises(DataError, match="no accepted case in any development data set"):
        split(tmp_path, [write_cases(tmp_path / "b", "away", [("p1", 1)])])


@given(
    st.dictionaries(st.text("abc123", min_size=1), st.sampled_from(["hemorrhage", "normal", "unlabelled"])),
    st.floats(0.01, 0.99),
    st.integers(0, 99),
)
def test_every_class_of_two_patients_or_more_is_on_both_sides(classes, fraction, seed):
    names = assign_patients(classes, valid_fraction=fraction, seed=seed)
    assert names.keys() == classes.keys()
    for group in set(classes.values()):
        own = [names[patient] for patient in classes if classes[patient] == group]
        if len(own) > 1:
            assert set(own) == {"train", "valid"}
        assert abs(own.count("valid") - fraction * len(own)) <= 1
