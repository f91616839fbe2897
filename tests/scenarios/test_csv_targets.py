"""Files with labels or boxes: what is read, and what is said of those that cannot be used."""

import numpy as np
import pytest

from robustfit.contaminations.displaced import Displaced
from robustfit.contaminations.flips import Flips
from robustfit.contaminations.leverage_flips import LeverageFlips
from robustfit.data import Data, Streams
from robustfit.errors import BadData, RobustfitError, Unknown
from robustfit.scenarios.csv_boxes import CSVBoxes
from robustfit.scenarios.csv_labels import CSVLabels

CORNERS = ("x1", "y1", "x2", "y2")
LABELLED = "x,kind,z\n1,red,0.1\n2,blue,0.2\n3,red ,0.1\n4,blue,0.3\n5,red,0.2\n"
BOXED = "x,x1,y1,x2,y2\n1,0,0,4,2\n2,1,1,5,2\n3,0,1,4,9\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def file(text: str) -> str:
    with open("data.csv", "w", encoding="utf-8") as out:
        out.write(text)
    return "data.csv"


def labels(text: str, target: str = "kind", features=None, replicates: int = 1) -> Data:
    return CSVLabels(file(text), target, features).draw(Streams.spawn(0, 0), replicates)


def boxes(text: str, target=CORNERS, features=None) -> Data:
    return CSVBoxes(file(text), target, features).draw(Streams.spawn(0, 0), 1)


def test_text_labels_are_sorted_and_remembered():
    data = labels(LABELLED, replicates=2)
    assert (data.task, data.classes, data.names) == ("classification", ("blue", "red"), ("intercept", "x", "z"))
    assert data.y.tolist() == [[1, -1, 1, -1, 1]] * 2
    assert data.outliers.shape == (2, 5) and not data.y.flags.writeable


@pytest.mark.parametrize(
    ("written", "classes", "y"),
    [
        (["2", "10", "2", "10"], (2, 10), [-1, 1, -1, 1]),
        (["1", "0", "1", "1"], (0, 1), [1, -1, 1, 1]),
        (["0.5", "1", "0.5", "1"], (0.5, 1.0), [-1, 1, -1, 1]),
        (["True", "False", "True", "True"], (False, True), [1, -1, 1, 1]),
        (["10", "9", "11", "9"], (9, 10, 11), [1, 0, 2, 0]),
        (["b", "a", "c", "a"], ("a", "b", "c"), [1, 0, 2, 0]),
        (["1", "one", "1", "one"], ("1", "one"), [-1, 1, -1, 1]),
    ],
)
def test_labels_of_every_kind(written, classes, y):
    data = labels("x,kind\n" + "".join(f"{x},{label}\n" for x, label in enumerate(written)))
    assert (data.classes, data.y[0].tolist()) == (classes, y)
    assert list(map(type, data.classes)) == list(map(type, classes))


def test_four_columns_are_a_box_in_the_order_given():
    data = boxes(BOXED)
    assert (data.task, data.names, data.y.shape) == ("boxes", ("intercept", "x"), (1, 3, 4))
    assert data.y[0].tolist() == [[0, 0, 4, 2], [1, 1, 5, 2], [0, 1, 4, 9]]
    turned = boxes(BOXED, target=("y1", "x1", "y2", "x2"))
    assert turned.y[0, 2].tolist() == [1, 0, 9, 4]


def test_a_box_may_be_a_line_and_a_coordinate_the_same_in_all_rows():
    assert boxes("x,x1,y1,x2,y2\n1,0,0,0,2\n2,0,1,5,2\n3,0,1,4,9\n").y[0, 0].tolist() == [0, 0, 0, 2]


@pytest.mark.parametrize(
    ("contamination", "read"),
    [(Flips(), labels), (LeverageFlips(), labels), (Displaced(), boxes)],
    ids=lambda x: str(x)[:9],
)
def test_a_file_can_be_contaminated(contamination, read):
    clean = read(LABELLED if read is labels else BOXED)
    data = contamination.corrupt(clean, 0.4, *np.random.default_rng(0).spawn(2))
    assert data.outliers.sum() == round(0.4 * clean.X.shape[1])
    assert np.isfinite(data.X).all() and np.isfinite(data.y).all()


def refused(message: str, act, kind: type[RobustfitError] = BadData) -> None:
    """The act fails with the message, in one line."""
    with pytest.raises(kind, match=message) as caught:
        act()
    assert len(str(caught.value).splitlines()) == 1


ROWS = "".join(f"{x},{x / 8}\n" for x in range(150))
BAD_LABELS = {
    "constant text": (
        "x,kind\n1,a\n2,a\n3,a\n",
        r"^data.csv: column 'kind' has one label only \('a'\): two or more classes",
    ),
    "constant number": ("x,kind\n1,5\n2,5\n3,5\n", r"column 'kind' has one label only \('5'\): two or more"),
    "missing": ("x,kind\n1,a\n2,\n3,b\n", "column 'kind' has no label in row 2 below the header: fill it in, or drop"),
    "missing number": ("x,kind\n1,0\n2,\n3,1\n", "column 'kind' has no label in row 2"),
    "infinite": ("x,kind\n1,0\n2,inf\n3,1\n4,0\n", r"column 'kind' has no finite number \('inf'\) in row 2"),
    "as many as rows": (
        "x,kind\n1,a\n2,b\n3,c\n",
        "column 'kind' has 3 different labels in 3 rows: it looks like a measurement; use task=regression scenario=csv",
    ),
    "too many": (f"x,kind\n{ROWS}{ROWS}", "column 'kind' has 150 different labels in 300 rows: it looks like a measur"),
    "text in a feature": (LABELLED.replace("0.2", "O.2", 1), r"column 'z' has text \('O.2'\) in row 2"),
    "too few rows": ("x,kind\n1,a\n2,b\n", "2 rows: must be more than the 2 coefficients"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_labels_that_cannot_be_used_are_refused(case):
    text, message = BAD_LABELS[case]
    refused(message, lambda: labels(text))


BAD_BOXES = {
    "x2 < x1": (
        BOXED.replace("1,1,5,2", "6,1,5,2"),
        r"^data.csv: column 'x2' has x2 < x1 \('5'\) in row 2 below the header: column 'x1' must hold the smaller x of",
    ),
    "y2 < y1": (
        BOXED.replace("0,1,4,9", "0,10,4,9"),
        r"column 'y2' has y2 < y1 \('9'\) in row 3 .* column 'y1' must hold",
    ),
    "missing": (BOXED.replace("0,1,4,9", "0,1,,9"), "column 'x2' has no value in row 3 below the header: fill it in"),
    "nan": (BOXED.replace("0,1,4,9", "0,nan,4,9"), "column 'y1' has no value in row 3"),
    "text": (BOXED.replace("0,1,4,9", "left,1,4,9"), r"column 'x1' has text \('left'\) in row 3"),
    "infinite": (BOXED.replace("0,1,4,9", "0,1,inf,9"), r"column 'x2' has no finite number \('inf'\) in row 3"),
}


@pytest.mark.parametrize("case", BAD_BOXES)
def test_boxes_that_cannot_be_used_are_refused(case):
    text, message = BAD_BOXES[case]
    refused(message, lambda: boxes(text))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (("x1", "y1", "x2"), r"^scenario.target has 3 columns \(x1, y1, x2\): a box has four, x1, y1, x2, y2"),
        ((), r"scenario.target has 0 columns \(none\)"),
        (("x1", "y1", "x1", "y2"), "column 'x1' is named twice in scenario.target"),
    ],
)
def test_targets_that_are_no_box_are_refused(target, message):
    refused(message, lambda: boxes(BOXED, target))


def test_unknown_columns_and_targets_among_the_features_are_refused():
    refused(r"no column 'x3' \(did you mean", lambda: boxes(BOXED, ("x1", "y1", "x3", "y2")), Unknown)
    refused("column 'y1' is the target: leave it out", lambda: boxes(BOXED, features=("x", "y1")))
    refused("no column 'sort'; there are: kind, x, z", lambda: labels(LABELLED, "sort"), Unknown)
