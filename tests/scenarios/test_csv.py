"""A user's own file: what is read, and what is said of a file that cannot be used."""

import hashlib
import os

import numpy as np
import pytest

from robustfit.catalogue import make
from robustfit.contaminations.bad_leverage import BadLeverage
from robustfit.data import Data, Streams
from robustfit.errors import BadData, BadParameter, RobustfitError, Unknown
from robustfit.scenarios.csv import CSV

GOOD = "x,colour,y,z\n1,red,10,0.1\n2,red,20,0.2\n3,blue,31,0.1\n4,blue,39,0.3\n5,green,50,0.1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def file(text: str, name: str = "data.csv") -> str:
    with open(name, "w", encoding="utf-8") as out:
        out.write(text)
    return name


def read(text: str, target: str = "y", features=None, replicates: int = 1) -> Data:
    return CSV(file(text), target, features).draw(Streams.spawn(0, 0), replicates)


def test_columns_of_numbers_are_the_features():
    data = read(GOOD)
    assert data.names == ("intercept", "x", "z")
    assert data.X[0].tolist() == [[1, 1, 0.1], [1, 2, 0.2], [1, 3, 0.1], [1, 4, 0.3], [1, 5, 0.1]]
    assert data.y.tolist() == [[10, 20, 31, 39, 50]]
    assert (data.truth, data.outliers.any()) == (None, False)


def test_features_in_the_order_given():
    assert read(GOOD, features=["z", "x"]).names == ("intercept", "z", "x")


def test_no_features_leave_a_constant():
    assert read(GOOD, features=[]).X.tolist() == [[[1.0]] * 5]


def test_sizes_without_drawing():
    scenario = CSV(file(GOOD), "y")
    assert (scenario.n_samples, scenario.n_features, scenario.p, scenario.intercept) == (5, 2, 3, True)


def test_replicates_are_the_same_rows():
    data = read(GOOD, replicates=3)
    assert data.X.shape == (3, 5, 3)
    assert np.array_equal(data.X[0], data.X[2])
    assert not data.X.flags.writeable
    assert not data.y.flags.writeable


def test_no_random_numbers_are_used():
    streams = Streams.spawn(0, 0)
    CSV(file(GOOD), "y").draw(streams, 2)
    assert streams.X.random() == Streams.spawn(0, 0).X.random()
    assert streams.noise.random() == Streams.spawn(0, 0).noise.random()


def test_can_be_contaminated_though_read_only():
    clean = read(GOOD, replicates=2)
    data = BadLeverage().corrupt(clean, 0.4, *np.random.default_rng(0).spawn(2))
    assert (data.outliers.sum(-1) == 2).all()
    assert np.array_equal(data.X_clean, clean.X)


def test_identity_is_the_content(folder):
    scenario, copy = CSV(file(GOOD), "y"), CSV(file(GOOD, "copy.csv"), "y")
    other = CSV(file(GOOD + "6,red,61,0.2\n", "other.csv"), "y")
    assert scenario.digest == copy.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    assert other.digest != scenario.digest


def test_a_changed_file_is_read_again():
    assert read(GOOD).y.size == 5
    assert read(GOOD + "6,red,61,0.2\n").y.size == 6


def test_a_relative_path_starts_at_the_current_directory(folder, monkeypatch):
    scenario = CSV(file(GOOD), "y")
    assert scenario.n_samples == 5
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    refused("there is no such file", lambda: scenario.n_samples)
    file(GOOD + "6,red,61,0.2\n")
    assert scenario.n_samples == 6
    assert CSV(os.path.join("..", "data.csv"), "y").n_samples == 5


def test_decimals_are_read_to_the_last_digit():
    values = [0.1, 1 / 3, 2.5e-300, 123456789.123456789, 1e22]
    rows = "".join(f"{value!r},{place}\n" for place, value in enumerate(values))
    assert read("x,y\n" + rows).X[0, :, 1] == pytest.approx(values, rel=4e-16, abs=0)


@pytest.mark.parametrize(
    "text",
    ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD.replace(",", ", "), GOOD + "\n\n", '"x"' + GOOD[1:]],
    ids=["byte order mark", "Windows lines", "blanks", "blank lines at the end", "quotes"],
)
def test_harmless_variations_are_read(text):
    data = read(text)
    assert (data.names, data.y.tolist()) == (("intercept", "x", "z"), [[10, 20, 31, 39, 50]])


def test_true_and_false_are_1_and_0():
    assert read("x,y\nTrue,1\nFalse,2\nTrue,4\n").X[0, :, 1].tolist() == [1, 0, 1]


def refused(message: str, act, kind: type[RobustfitError] = BadData) -> None:
    """The act fails with the message, in two lines at most."""
    with pytest.raises(kind, match=message) as caught:
        act()
    assert len(str(caught.value).splitlines()) <= 2


BAD = {
    "empty file": ("", {}, "data.csv: the file is empty"),
    "only a header": ("x,y\n", {}, "data.csv: the file has a header but no rows"),
    "ragged": (GOOD + "1,2,3,4,5,6\n", {}, "data.csv: not a table of comma-separated values"),
    "more values than names": (
        "x,y\n0,2,3\n1,3,4\n2,5,6\n",
        {},
        "not a table .*Length of header or names does not match",
    ),
    "semicolons": (GOOD.replace(",", ";"), {}, "the header is one name, 'x;colour;y;z': columns must be separated by"),
    "text in a feature": (
        GOOD,
        {"features": ["x", "colour"]},
        r"data.csv: column 'colour' has text \('red'\) in row 1 below the header: encode it as numbers, or leave",
    ),
    "a slip in a feature": (GOOD.replace("0.2", "O.2"), {}, r"column 'z' has text \('O.2'\) in row 2 below"),
    "text in the target": (GOOD.replace("31", "many"), {}, r"column 'y' has text \('many'\) in row 3 below"),
    "a gap in a feature": (
        GOOD.replace("0.2", ""),
        {},
        "column 'z' has no value in row 2 below the header: fill it in",
    ),
    "a gap in the target": (GOOD.replace("31", "nan"), {}, "column 'y' has no value in row 3 below the header: fill"),
    "an empty column": ("x,e,y\n1,,2\n2,,3\n3,,5\n4,,6\n", {}, "column 'e' has no value in row 1"),
    "infinity": (GOOD.replace("0.3", "-inf"), {}, r"column 'z' has no finite number \('-inf'\) in row 4 below"),
    "constant target": ("x,y\n1,5\n2,5\n3,5\n", {}, r"column 'y' is constant \(5\)"),
    "constant feature": ("x,c,y\n1,7,1\n2,7,2\n3,7,4\n4,7,4\n", {}, r"column 'c' is constant \(7\)"),
    "target is a feature": (GOOD, {"features": ["x", "y"]}, "column 'y' is the target: leave it out"),
    "feature twice": (GOOD, {"features": ["x", "x"]}, "column 'x' is named twice"),
    "too few rows": (
        "x,z,y\n1,2,3\n2,3,5\n3,5,4\n",
        {},
        r"3 rows: must be more than the 3 coefficients \(intercept, x",
    ),
    "no numbers": ("colour,y\nred,1\nblue,2\nred,3\n", {}, "no column of numbers besides the target"),
    "a single column": ("y\n1\n2\n3\n", {}, r"no column of numbers besides the target; scenario.features=\[\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_fitted_is_refused(case):
    text, options, message = BAD[case]
    refused(message, lambda: read(text, **options))


@pytest.mark.parametrize(("target", "features"), [("hight", None), ("y", ["hight"])])
def test_an_unknown_column_is_named_with_those_that_exist(target, features):
    text = "height,y\n1,2\n2,3\n3,5\n"
    message = r"^data.csv: no column 'hight' \(did you mean 'height'\?\); there are: height, y$"
    refused(message, lambda: read(text, target, features), Unknown)


def test_a_file_that_is_not_there():
    refused("^dat.csv: there is no such file; ", lambda: CSV("dat.csv", "y").draw(Streams.spawn(0, 0), 1))


def test_a_folder_is_no_file(folder):
    (folder / "data").mkdir()
    refused("^data: is a folder", lambda: CSV("data", "y").n_samples)


def test_a_file_that_is_no_text(folder):
    (folder / "data.csv").write_bytes(b"x,y\n\xff\xfe,1\n")
    refused("not a table of comma-separated values", lambda: CSV("data.csv", "y").n_samples)


def test_nothing_is_read_before_it_is_needed():
    assert CSV("not yet there.csv", "y").target == "y"


@pytest.mark.parametrize("missing", ["path", "target"])
def test_path_and_target_must_be_given(missing):
    given = {"path": "data.csv", "target": "y"}
    del given[missing]
    with pytest.raises(BadParameter, match=f"scenario.{missing}: must be given"):
        make("scenario", "csv", **given)
