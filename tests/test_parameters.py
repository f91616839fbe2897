"""What a parameter may be: which values each annotation takes, what they become, and the words of a refusal."""

import math
import re
from dataclasses import FrozenInstanceError, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustfit.errors import BadParameter, RobustfitError
from robustfit.parameters import Parametrised, Range, check, parameter


def exactly(message):
    """A pattern for this message and nothing else."""
    return f"^{re.escape(message)}$"


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (float, 1, 1.0),
        (float, np.float32(0.5), 0.5),
        (float, np.int64(3), 3.0),
        (float, Fraction(1, 4), 0.25),
        (float, -1e300, -1e300),
        (int, 3, 3),
        (int, 3.0, 3),
        (int, np.int64(3), 3),
        (int, np.float64(-2.0), -2),
        (int, 2**63 + 1, 2**63 + 1),
        (int, 10**400, 10**400),
        (bool, True, True),
        (bool, False, False),
        (str, "mad", "mad"),
        (str, "", ""),
        (float | None, None, None),
        (float | None, 2, 2.0),
        (None | int, 2.0, 2),
        (int | str, "auto", "auto"),
        (int | str, 4.0, 4),
        (tuple[float, ...], [1, 2.5], (1.0, 2.5)),
        (tuple[float, ...], np.array([1.0, 2.0]), (1.0, 2.0)),
        (tuple[str, ...], ("a", "b"), ("a", "b")),
        (tuple[str, ...], [], ()),
        (tuple[int, ...] | None, None, None),
        (tuple[int, ...] | None, [1.0, 2], (1, 2)),
        (Path, Path("data.csv"), Path("data.csv")),
        (Any, {"anything": 1}, {"anything": 1}),
    ],
    ids=lambda part: str(part)[:30],
)
def test_taken_and_brought_to_the_annotated_type(hint, value, expected):
    result = check("name", value, hint)
    assert result == expected and type(result) is type(expected)
    if isinstance(expected, tuple):
        assert [type(item) for item in result] == [type(item) for item in expected]


@pytest.mark.parametrize(
    ("hint", "needed", "values"),
    [
        (float, "a number", [True, np.True_, "1", None, math.nan, math.inf, -math.inf, 10**400, 1j, [1.0], np.ones(1)]),
        (int, "a whole number", [True, 1.5, "1", None, math.nan, math.inf, Fraction(1, 2), [1]]),
        (bool, "true or false", [0, 1, "true", None, np.float64(1.0)]),
        (str, "text", [1, None, True, b"mad", ["mad"], Path("mad")]),
        (float | None, "a number or null", [True, "1", math.nan]),
        (int | str, "a whole number or text", [1.5, None, True]),
        (tuple[float, ...], "a list of float", [1.0, "12", None, [1.0, "b"], [math.nan], [True], [[1.0]], {1.0: 2.0}]),
        (tuple[str, ...], "a list of str", ["abc", b"abc", [1], {"a": 1}]),
        (Path, "a Path", ["data.csv", None]),
    ],
    ids=lambda part: str(part)[:30],
)
def test_refused_with_name_value_and_what_is_needed(hint, needed, values):
    for value in values:
        with pytest.raises(BadParameter, match=exactly(f"name={value!r}: must be {needed}")):
            check("name", value, hint)


@pytest.mark.parametrize(
    ("allowed", "good", "bad", "words"),
    [
        (Range(above=0), [5e-324, 1e300], [0.0, -1.0], "greater than 0"),
        (Range(at_least=0), [0.0, 1.0], [-5e-324], "at least 0"),
        (Range(below=1), [-9.0, 0.999], [1.0, 2.0], "less than 1"),
        (Range(at_most=1), [1.0, -9.0], [1.0000001], "at most 1"),
        (Range(above=0, below=1), [0.5], [0.0, 1.0], "greater than 0 and less than 1"),
        (Range(at_least=0, at_most=0.5), [0.0, 0.5], [-0.1, 0.6], "at least 0 and at most 0.5"),
        (Range(), [0.0, -1e300], [], ""),
    ],
    ids=str,
)
def test_ranges(allowed, good, bad, words):
    assert str(allowed) == words
    for value in good:
        assert check("c", value, float, allowed) == value
        assert check("c", [value, value], tuple[float, ...], allowed) == (value, value)
        assert check("c", None, float | None, allowed) is None
    for value in bad:
        with pytest.raises(BadParameter, match=exactly(f"c={value!r}: must be a number, {words}")):
            check("c", value, float, allowed)
        with pytest.raises(BadParameter, match=exactly(f"c={[*good, value]!r}: must be a list of float, {words}")):
            check("c", [*good, value], tuple[float, ...], allowed)


def test_a_range_is_about_numbers_and_leaves_words_alone():
    assert check("scale", "mad", float | str, Range(above=0)) == "mad"
    with pytest.raises(BadParameter, match="scale=-1: must be a number or text, greater than 0$"):
        check("scale", -1, float | str, Range(above=0))


def test_choices():
    allowed = Range(choices=("vertical", "cluster"))
    assert check("kind", "cluster", str, allowed) == "cluster"
    assert check("kind", ["cluster"], tuple[str, ...], allowed) == ("cluster",)
    for value in ("Cluster", "", 3):
        with pytest.raises(BadParameter, match=exactly(f"kind={value!r}: must be text, one of vertical, cluster")):
            check("kind", value, str, allowed)


@dataclass(frozen=True)
class Toy(Parametrised):
    """A class as a user would write it."""

    needed: float = parameter(above=0)
    count: int = parameter(2, at_least=1)
    kind: str = parameter("round", choices=("round", "square"))
    columns: tuple[str, ...] | None = None
    shape: tuple[float, ...] = field(default=(1.0, 2.0))


def test_a_parametrised_class_checks_and_converts_all_its_fields():
    assert Toy(1, 3.0, columns=["a"]) == Toy(1.0, 3, columns=("a",))
    assert hash(Toy(1, shape=[1, 2])) == hash(Toy(1.0))
    assert repr(Toy(1)) == "Toy(needed=1.0, count=2, kind='round', columns=None, shape=(1.0, 2.0))"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"needed": 0}, "needed=0: must be a number, greater than 0"),
        ({"needed": "wide"}, "needed='wide': must be a number, greater than 0"),
        ({"count": 0.5}, "count=0.5: must be a whole number, at least 1"),
        ({"count": 0}, "count=0: must be a whole number, at least 1"),
        ({"kind": "oval"}, "kind='oval': must be text, one of round, square"),
        ({"columns": "a"}, "columns='a': must be a list of str or null"),
        ({"shape": [1, None]}, "shape=[1, None]: must be a list of float"),
    ],
    ids=str,
)
def test_a_parametrised_class_refuses_before_it_exists(wrong, message):
    with pytest.raises(BadParameter) as caught:
        Toy(**{"needed": 1.0, **wrong})
    assert str(caught.value) == message
    assert isinstance(caught.value, RobustfitError) and isinstance(caught.value, ValueError)


def test_a_required_parameter_has_no_default():
    with pytest.raises(TypeError, match="needed"):
        Toy()


def test_parameters_cannot_change():
    with pytest.raises(FrozenInstanceError):
        Toy(1.0).needed = 2.0
