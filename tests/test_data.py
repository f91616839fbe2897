"""Samples, the choice of rows and the numbers of labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustfit.data import Data, choose, class_places, label_numbers

searched = settings(deadline=None, derandomize=True, max_examples=60)


def test_the_task_of_clean_data_is_told_by_what_is_given():
    X = np.ones((3, 1))
    assert Data.clean(X, np.zeros(3)).task == "regression"
    assert Data.clean(X, np.array([-1.0, 1.0, 1.0]), classes=("no", "yes")).task == "classification"
    boxes = Data.clean(X, np.zeros((3, 4)))
    assert (boxes.task, boxes.outliers.shape) == ("boxes", (3,))


def test_members_of_a_batch_keep_what_is_of_all():
    data = Data.clean(np.ones((5, 3, 2)), np.zeros((5, 3)), classes=("a", "b"), names=("intercept", "x"))
    for part in (data.member(2), data.take(slice(1, 3))):
        assert (part.task, part.classes, part.names) == ("classification", ("a", "b"), ("intercept", "x"))
    assert data.take(slice(1, 3)).y.shape == (2, 3)


@searched
@given(n=st.integers(1, 30), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_rows_that_come_first_come_first_and_fewer_are_among_more(n, share, seed):
    first = np.random.default_rng(seed + 1).random((2, n)) < share
    runs = [choose(np.random.default_rng(seed), (2, n), count, first) for count in range(n + 1)]
    for count, chosen in enumerate(runs):
        assert (chosen.sum(-1) == count).all()
        assert ((chosen & first).sum(-1) == np.minimum(first.sum(-1), count)).all()
    for less, more in zip(runs, runs[1:], strict=False):
        assert not (less & ~more).any()
    plain = [choose(np.random.default_rng(seed), (2, n), count) for count in range(n + 1)]
    everything = [choose(np.random.default_rng(seed), (2, n), count, np.ones((2, n), bool)) for count in range(n + 1)]
    assert all(np.array_equal(one, other) for one, other in zip(plain, everything, strict=True))


@pytest.mark.parametrize("k", [2, 3, 7])
def test_places_and_numbers_of_labels_are_inverse(k):
    assert class_places(label_numbers(k), k).tolist() == list(range(k))
