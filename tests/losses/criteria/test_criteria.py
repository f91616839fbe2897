"""Criteria against hand computation, SciPy's special functions and the formulas of PyTorch's documentation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import final_classes
from scipy import special

from robustfit.errors import BadData, BadParameter, Incompatible
from robustfit.losses import criteria
from robustfit.losses.base import REDUCTIONS
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.hinge import Hinge
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.losses.criteria.base import Criterion
from robustfit.losses.criteria.bce_with_logits import BCEWithLogits
from robustfit.losses.criteria.hinge_embedding import HingeEmbedding
from robustfit.losses.criteria.kl_div import KLDiv
from robustfit.losses.criteria.margin_ranking import MarginRanking
from robustfit.losses.criteria.mask_bce import MaskBCE
from robustfit.losses.criteria.nll import NLL
from robustfit.parameters import Parametrised

RNG = np.random.default_rng(0)
SIGNS = np.where(RNG.random((3, 20)) < 0.5, 1.0, -1.0)
SCORES = 3.0 * RNG.normal(size=(3, 20))
LABELS = RNG.integers(0, 4, size=(3, 20)).astype(float)
LOG_P = special.log_softmax(3.0 * RNG.normal(size=(3, 20, 4)), axis=-1)
Q = special.softmax(3.0 * RNG.normal(size=(3, 20, 4)), axis=-1)

EXAMPLES = {
    NLL: (LABELS, LOG_P),
    KLDiv: (Q, LOG_P),
    BCEWithLogits: (RNG.random((3, 20)), SCORES),
    MaskBCE: (RNG.random((3, 5, 6, 7)).round(), RNG.normal(size=(3, 5, 6, 7))),
    MarginRanking: (SIGNS, RNG.normal(size=(3, 20, 2))),
    HingeEmbedding: (SIGNS, np.abs(SCORES)),
}


def test_each_criterion_of_the_package_has_an_example():
    found = final_classes(criteria, Parametrised)
    assert set(found) == set(EXAMPLES) and {NLL} == {kind for kind in found if not issubclass(kind, Criterion)}


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_reductions_are_over_the_last_axis_of_the_values(kind):
    criterion, example = kind(), EXAMPLES[kind]
    costs = criterion.value(*example)
    for reduction, expected in zip(REDUCTIONS, (costs, costs.sum(-1), costs.mean(-1)), strict=True):
        np.testing.assert_allclose(criterion(*example, reduction=reduction), expected, rtol=1e-15)
    np.testing.assert_array_equal(criterion(*example), criterion(*example, reduction="mean"))
    with pytest.raises(BadParameter, match="reduction='average': must be one of none, sum, mean"):
        criterion(*example, reduction="average")


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_batches_are_their_members(kind):
    criterion, (y, eta) = kind(), EXAMPLES[kind]
    np.testing.assert_array_equal(criterion.value(y, eta)[1], criterion.value(y[1], eta[1]))


class TestNLL:
    def test_by_hand(self):
        eta = np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
        np.testing.assert_allclose(NLL().value(np.array([1.0, 2.0]), eta), [np.log(4.0), np.log(10.0)], rtol=1e-15)

    def test_of_log_softmax_it_is_cross_entropy(self):
        eta = 5.0 * RNG.normal(size=(3, 20, 4))
        np.testing.assert_allclose(
            NLL((1.0, 2.0, 0.5, 3.0)).value(LABELS, special.log_softmax(eta, axis=-1)),
            SoftmaxCrossEntropy(4, (1.0, 2.0, 0.5, 3.0)).value(LABELS, eta),
            rtol=1e-13,
            atol=4e-15,  # SciPy's log p is only right to rounding of 1
        )

    def test_the_mean_is_weighted(self):
        """Labels 0, 0, 1 with weights 1, 3: (a + b + 3 c) / 5."""
        eta, criterion = np.array([[-1.0, 0.0], [-2.0, 0.0], [0.0, -4.0]]), NLL((1.0, 3.0))
        assert criterion(np.array([0.0, 0.0, 1.0]), eta) == (1.0 + 2.0 + 3.0 * 4.0) / 5.0
        assert criterion(np.array([0.0, 0.0, 1.0]), eta, "sum") == 15.0

    def test_ignored_labels_do_not_count(self):
        y = np.array([0.0, -100.0, 1.0])
        eta = np.array([[-1.0, 0.0], [-np.inf, np.nan], [0.0, -4.0]])
        np.testing.assert_array_equal(NLL().value(y, eta), [1.0, 0.0, 4.0])
        assert NLL()(y, eta) == 2.5
        assert NLL(ignore=1)(np.array([0.0, 1.0]), eta[[0, 2]]) == 1.0
        assert math.isnan(NLL()(np.array([-100.0]), eta[:1]))

    def test_what_is_no_class_is_refused(self):
        with pytest.raises(BadData, match="label 4: must be one of the 4 classes"):
            NLL().value(LABELS + 4.0 * (LABELS == 0.0), LOG_P)
        with pytest.raises(Incompatible, match="4 classes need 4 weights; 1 were given"):
            NLL((1.0,)).value(LABELS, LOG_P)


class TestKLDiv:
    def test_scipy_rel_entr(self):
        np.testing.assert_allclose(KLDiv().value(Q, LOG_P), special.rel_entr(Q, np.exp(LOG_P)), rtol=1e-12, atol=1e-15)

    def test_the_sum_is_the_divergence_which_is_zero_for_equals_only(self):
        assert (KLDiv()(Q, LOG_P, "sum") > 0.0).all()
        np.testing.assert_allclose(KLDiv()(np.exp(LOG_P), LOG_P, "sum"), 0.0, atol=1e-15)

    def test_targets_by_their_logarithms(self):
        np.testing.assert_allclose(
            KLDiv(log_target=True).value(np.log(Q), LOG_P), KLDiv().value(Q, LOG_P), rtol=1e-13, atol=1e-16
        )

    def test_the_documented_formula_also_where_eta_is_no_distribution(self):
        """Terms that PyTorch prints for these arrays, to four digits."""
        y = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]])
        eta = np.array([[0.5, -0.5, 0.1], [0.1, -0.2, 0.3]])
        printed = [[-0.5997, -0.2219, -0.2403], [-0.2403, -0.2466, -0.4865]]
        np.testing.assert_allclose(KLDiv().value(y, eta), printed, rtol=0, atol=0.5e-4)
        assert KLDiv()(y, eta, "sum").mean() == pytest.approx(-1.0176, abs=0.5e-4)

    def test_what_cannot_happen_costs_nothing(self):
        eta = np.array([-np.inf, 0.0, -1.0])
        np.testing.assert_array_equal(KLDiv().value(np.array([0.0, 1.0, 0.0]), eta), 0.0)
        np.testing.assert_array_equal(KLDiv(True).value(np.array([-np.inf, 0.0, -np.inf]), eta), 0.0)
        assert KLDiv().value(np.array([0.5]), np.array([-np.inf])) == np.inf


class TestBCEWithLogits:
    @given(y=st.floats(0.0, 1.0), eta=st.floats(-700.0, 700.0), weight=st.floats(0.0, 100.0))
    @settings(deadline=None, derandomize=True, max_examples=300)
    def test_the_documented_formula(self, y, eta, weight):
        expected = -(weight * y * special.log_expit(eta) + (1.0 - y) * special.log_expit(-eta))
        ours = BCEWithLogits(weight).value(np.array(y), np.array(eta))
        np.testing.assert_allclose(ours, expected, rtol=1e-14, atol=0)

    def test_of_labels_it_is_cross_entropy_of_the_margin(self):
        y = (SIGNS + 1.0) / 2.0
        np.testing.assert_array_equal(BCEWithLogits().value(y, SCORES), CrossEntropy().value(SIGNS, SCORES))

    def test_finite_and_silent_at_extremes(self):
        with np.errstate(all="raise", under="ignore"):
            values = BCEWithLogits().value(np.array([1.0, 0.0, 0.0, 1.0]), np.array([1e308, 1e308, -1e308, 0.0]))
        np.testing.assert_array_equal(values, [0.0, 1e308, 0.0, np.log(2.0)])

    @pytest.mark.parametrize("weight", [-1.0, np.inf, None])
    def test_a_weight_that_makes_no_sense_is_refused(self, weight):
        with pytest.raises(BadParameter, match=f"pos_weight={weight!r}: must be a number, at least 0"):
            BCEWithLogits(weight)


class TestMaskBCE:
    def test_the_mean_over_the_pixels_of_each_mask(self):
        y, eta = EXAMPLES[MaskBCE]
        p = special.expit(eta)
        expected = -(special.xlogy(y, p) + special.xlogy(1.0 - y, 1.0 - p)).reshape(3, 5, 42).sum(-1) / 42.0
        np.testing.assert_allclose(MaskBCE().value(y, eta), expected, rtol=1e-13)

    def test_sure_and_right_is_nothing_sure_and_wrong_its_logit(self):
        y = np.array([[1.0, 0.0], [0.0, 1.0]])
        logits = 800.0 * (2.0 * y - 1.0)
        assert MaskBCE().value(y, logits) == 0.0 and MaskBCE().value(y, -logits) == 800.0


class TestMarginRanking:
    def test_by_hand(self):
        eta = np.array([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]])
        np.testing.assert_array_equal(MarginRanking().value(np.ones(3), eta), [0.0, 1.0, 0.0])
        np.testing.assert_array_equal(MarginRanking(0.5).value(-np.ones(3), eta), [1.5, 0.0, 0.5])

    def test_with_margin_one_it_is_the_hinge_of_the_difference(self):
        y, eta = EXAMPLES[MarginRanking]
        np.testing.assert_array_equal(MarginRanking(1.0).value(y, eta), Hinge().value(y, eta[..., 0] - eta[..., 1]))

    def test_swapping_the_pair_is_swapping_the_order(self):
        y, eta = EXAMPLES[MarginRanking]
        swapped = MarginRanking(0.3).value(-y, eta[..., ::-1])
        np.testing.assert_array_equal(swapped, MarginRanking(0.3).value(y, eta))


class TestHingeEmbedding:
    def test_by_hand(self):
        y, eta = np.array([1.0, 1.0, -1.0, -1.0, -1.0]), np.array([0.0, 5.0, 0.0, 2.0, 7.0])
        np.testing.assert_array_equal(HingeEmbedding().value(y, eta), [0.0, 5.0, 1.0, 0.0, 0.0])
        np.testing.assert_array_equal(HingeEmbedding(3.0).value(y, eta), [0.0, 5.0, 3.0, 1.0, 0.0])

    def test_unlike_pairs_pay_the_hinge(self):
        eta = np.linspace(-3.0, 3.0, 61)
        np.testing.assert_array_equal(HingeEmbedding(1.0).value(-np.ones(61), eta), Hinge().phi(eta))


@pytest.mark.parametrize(
    ("kind", "name"), [(MarginRanking, "margin"), (HingeEmbedding, "margin"), (NLL, "ignore"), (KLDiv, "log_target")]
)
def test_a_parameter_of_the_wrong_kind_is_refused_by_name(kind, name):
    with pytest.raises(BadParameter, match=f"{name}='wide': must be"):
        kind(**{name: "wide"})
