"""Fits of several outputs: boxes by one loss per coordinate, more than two classes, and boxes that overlap."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laws import along_each
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression

from robustfit.catalogue import make
from robustfit.certificates import CERTIFIED, certify
from robustfit.errors import BadData, Incompatible
from robustfit.estimators.m import M
from robustfit.fit import Status
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.boxes.iou import IoU
from robustfit.losses.boxes.total_ciou import TotalCIoU
from robustfit.losses.classification.cross_entropy import CrossEntropy
from robustfit.losses.classification.softmax_cross_entropy import SoftmaxCrossEntropy
from robustfit.penalties.l1 import L1
from robustfit.penalties.l2 import L2
from robustfit.penalties.none import NoPenalty
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.scales.mad import MAD
from robustfit.task import fitting

N, P, K = 80, 3, 3
OLS, LAD = make("initial", "ols"), make("initial", "lad")
NEWTON = make("solver", "newton")
RESIDUAL = {name: make("loss", name) for name in fitting("loss", "regression")}
OVERLAP = [make("loss", name) for name in fitting("loss", "boxes") if name not in RESIDUAL]
TRUTH = np.array([[-2.0, -1.0, 2.0, 1.0], [0.5, 0.2, 0.9, 0.4], [0.1, -0.4, 0.3, 0.4]])
PENALTIES = {"none": NoPenalty(), "l1": L1(0.02), "l2": L2(0.1)}


def design(rng, n=N):
    return np.column_stack([np.ones(n), rng.normal(size=(n, P - 1))])


def boxes(seed=0):
    """Boxes around (0, 0) of sides about 4 and 2, a tenth of them displaced."""
    rng = np.random.default_rng(seed)
    X = design(rng)
    y = X @ TRUTH + 0.1 * rng.normal(size=(N, 4))
    y[: N // 10] += 5.0
    return X, y


def classes(seed=0):
    """Three classes of linear scores with Gumbel noise: the model of the softmax."""
    rng = np.random.default_rng(seed)
    X = design(rng)
    scores = X @ rng.normal(size=(P, K)) + rng.gumbel(size=(N, K))
    return X, scores.argmax(-1).astype(float)


X, BOXES = boxes()
XC, LABELS = classes()
WEIGHTS = np.random.default_rng(1).integers(1, 4, N).astype(float)


# --- boxes, one loss per coordinate


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", RESIDUAL)
def test_a_loss_of_residuals_fits_each_coordinate(name, weights):
    procedure = M(RESIDUAL[name], NEWTON, MAD(), LAD)
    whole = procedure.fit(X, BOXES, weights, outputs=4)
    alone = [procedure.fit(X, BOXES[:, j], weights) for j in range(4)]
    assert whole.coef.shape == whole.initial.shape == (P, 4)
    for part in ("coef", "initial"):
        np.testing.assert_array_equal(getattr(whole, part), np.stack([getattr(fit, part) for fit in alone], -1))
    assert whole.objective == pytest.approx(sum(fit.objective for fit in alone), rel=1e-14)
    assert whole.scale == pytest.approx(np.mean([fit.scale for fit in alone]), rel=1e-14)
    assert whole.gradient_norm == pytest.approx(np.linalg.norm([fit.gradient_norm for fit in alone]), rel=1e-12)
    assert whole.solution.n_iter == sum(fit.solution.n_iter for fit in alone)
    assert whole.certified == RESIDUAL[name].convex and whole.status.item() is Status.converged


def test_bounds_add_up():
    """The gap of the sum is (P - D) / P of the summed objectives and bounds, also where the solver stopped early."""
    hasty = M(RESIDUAL["huber"], make("solver", "gradient_descent", max_iter=3), Fixed(0.1), OLS)
    whole, alone = hasty.fit(X, BOXES, outputs=4), [hasty.fit(X, BOXES[:, j]) for j in range(4)]
    problems = [Problem(X, BOXES[:, j], RESIDUAL["huber"], np.array(0.1)) for j in range(4)]
    bounds = [certify(problem, fit.coef).bound for problem, fit in zip(problems, alone, strict=True)]
    total = sum(fit.objective for fit in alone)
    assert whole.gap == pytest.approx((total - sum(bounds)) / total, rel=1e-9) and whole.gap > CERTIFIED
    assert not whole.certified and whole.status.item() is Status.max_iter


def test_the_worst_end_of_the_coordinates_is_that_of_the_box():
    y = BOXES.copy()
    y[:, 2] = X @ TRUTH[:, 2]
    exact = M(RESIDUAL["mse"], NEWTON, Fixed(), OLS)
    assert exact.fit(X, y, outputs=4).status.item() is Status.converged
    assert exact.fit(X, X @ TRUTH, outputs=4).status.item() is Status.perfect_fit
    assert exact.fit(X, X @ TRUTH, outputs=4).gap == 0.0
    y[0, 1] = np.nan
    failed = exact.fit(X, y, outputs=4)
    assert failed.status.item() is Status.failed and not failed.certified


@pytest.mark.parametrize("name", ["mae", "bisquare"])
def test_batches_of_boxes_are_their_members(name):
    rows, y = (np.stack(part).reshape(2, 3, *part[0].shape) for part in zip(*map(boxes, range(6)), strict=True))
    procedure = M(RESIDUAL[name], NEWTON, MAD(), LAD)
    whole = procedure.fit(rows, y, outputs=4)
    assert whole.coef.shape == (2, 3, P, 4)
    for index in np.ndindex(2, 3):
        single = procedure.fit(rows[index], y[index], outputs=4)
        for part in ("coef", "objective", "gap", "status"):
            np.testing.assert_array_equal(getattr(whole, part)[index], getattr(single, part))


def test_labels_of_several_classes_are_no_boxes():
    with pytest.raises(
        Incompatible, match="labels of more than two classes are no numbers; .*cross_entropy takes them"
    ):
        M(RESIDUAL["mse"], NEWTON, Fixed(), OLS).fit(XC, LABELS, outputs=3)


# --- more than two classes


def softmax(penalty=None, weights=(), solver=NEWTON, initial=OLS):
    return M(CrossEntropy(weights), solver, Fixed(), initial, penalty or NoPenalty())


def entropy(coef, counts=None):
    """The mean cross-entropy, by SciPy."""
    cost = -special.log_softmax(XC @ coef, axis=-1)[np.arange(N), LABELS.astype(int)]
    return np.average(cost, weights=counts)


def test_the_labels_are_those_of_a_softmax_and_overlap():
    assert set(LABELS) == {0.0, 1.0, 2.0}
    assert softmax().fit(XC, LABELS, outputs=K).status.item() is Status.converged


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("solver", ["newton", "auto", "quasi_newton"])
def test_logistic_regression(alpha, weights, solver):
    total = N if weights is None else weights.sum()
    theirs = LogisticRegression(C=1.0 / (alpha * total), solver="newton-cg", tol=1e-12, max_iter=1000)
    theirs.fit(XC[:, 1:], LABELS, weights)
    tight = {"tol": 1e-12} if solver == "quasi_newton" else {}
    fit = softmax(L2(alpha), solver=make("solver", solver, **tight)).fit(XC, LABELS, weights, outputs=K)
    # quasi_newton stops at a predicted decrease of 1e-12, at an error of some 1e-5 where the bottom is flat
    close = {"rtol": 1e-6, "atol": 1e-4 if solver == "quasi_newton" else 1e-6}
    np.testing.assert_allclose(fit.coef[1:].T, theirs.coef_, **close)
    np.testing.assert_allclose(fit.coef[0], theirs.intercept_, **close)
    assert fit.objective == pytest.approx(entropy(fit.coef, weights) + alpha / 2 * (fit.coef[1:] ** 2).sum(), rel=1e-13)
    assert fit.certified and fit.gap_kind.item() == "dual"


@pytest.mark.parametrize("initial", [OLS, LAD], ids=["ols", "lad"])
@pytest.mark.parametrize("solver", ["newton", "auto", "quasi_newton", "bfgs", "trust_exact", "gradient_descent"])
def test_without_a_penalty_all_solvers_find_the_scores_that_sum_to_zero(solver, initial):
    fit = softmax(solver=make("solver", solver), initial=initial).fit(XC, LABELS, outputs=K)
    start = np.zeros(P * K)
    least = optimize.minimize(
        lambda flat: entropy(flat.reshape(P, K)), start, method="BFGS", options={"gtol": 1e-8}
    ).fun
    assert fit.objective == pytest.approx(least, rel=1e-9) and fit.certified
    np.testing.assert_allclose(fit.coef.sum(-1), 0.0, atol=1e-9)


@cache
def best_softmax(penalty, weighted):
    return softmax(PENALTIES[penalty]).fit(XC, LABELS, WEIGHTS if weighted else None, outputs=K)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@given(move=st.lists(st.floats(-1.0, 1.0), min_size=P * K, max_size=P * K), size=st.floats(-8.0, 2.0))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_the_bound_of_the_softmax_holds_for_any_coefficients(penalty, weights, move, size):
    problem = Problem(XC, LABELS, SoftmaxCrossEntropy(K), penalty=PENALTIES[penalty], weights=weights)
    best = best_softmax(penalty, weights is not None)
    certificate = certify(problem, best.coef.reshape(-1) + 10.0**size * np.array(move))
    assert best.certified
    assert certificate.bound <= min(best.objective, certificate.exhibited) * (1.0 + 1e-12)
    assert certificate.exhibited <= certificate.objective
    assert not certificate.certified or certificate.objective <= best.objective * (1.0 + 1e-8)


def test_with_l1_the_scores_of_some_columns_vanish():
    """The penalty's optimality conditions: the slope of the loss is +-alpha where a slope is not 0, else no larger."""
    fit = softmax(L1(0.05)).fit(XC, LABELS, outputs=K)
    flat = fit.coef.reshape(-1)
    slope = Problem(XC, LABELS, SoftmaxCrossEntropy(K)).gradient(flat).reshape(P, K)
    slopes = fit.coef[1:]
    assert fit.certified and (slopes == 0).any() and (slopes != 0).any()
    np.testing.assert_allclose(slope[0], 0.0, atol=1e-8)
    np.testing.assert_allclose(slope[1:][slopes != 0], -0.05 * np.sign(slopes[slopes != 0]), atol=1e-8)
    assert (np.abs(slope[1:][slopes == 0]) <= 0.05 + 1e-8).all()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_class_weights_are_weights_of_the_rows(weights):
    own = np.array([0.5, 1.0, 3.0])
    by_class = softmax(L2(0.1), tuple(own)).fit(XC, LABELS, weights, outputs=K)
    counts = own[LABELS.astype(int)] * (1.0 if weights is None else weights)
    by_row = softmax(L2(0.1)).fit(XC, LABELS, counts, outputs=K)
    np.testing.assert_allclose(by_class.coef, by_row.coef, rtol=1e-9, atol=1e-12)
    assert by_class.objective == pytest.approx(by_row.objective, rel=1e-13)


def test_weights_are_repetition():
    counts = WEIGHTS.astype(int)
    weighted = softmax().fit(XC, LABELS, WEIGHTS, outputs=K)
    repeated = softmax().fit(np.repeat(XC, counts, axis=0), np.repeat(LABELS, counts), outputs=K)
    np.testing.assert_allclose(weighted.coef, repeated.coef, rtol=1e-6)


def test_two_outputs_are_binary_cross_entropy():
    y = (LABELS > 0).astype(float)
    binary = M(CrossEntropy(), NEWTON, Fixed(), OLS).fit(XC, 2.0 * y - 1.0)
    soft = M(SoftmaxCrossEntropy(2), NEWTON, Fixed(), OLS).fit(XC, y, outputs=2)
    np.testing.assert_allclose(soft.coef[:, 1] - soft.coef[:, 0], binary.coef, rtol=1e-7)
    assert soft.objective == pytest.approx(binary.objective, rel=1e-13)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_batches_of_classes_are_their_members_bit_for_bit(penalty):
    rows, y = (np.stack(part).reshape(2, 2, *part[0].shape) for part in zip(*map(classes, range(4)), strict=True))
    whole = softmax(PENALTIES[penalty]).fit(rows, y, outputs=K)
    assert whole.coef.shape == (2, 2, P, K)
    for index in np.ndindex(2, 2):
        single = softmax(PENALTIES[penalty]).fit(rows[index], y[index], outputs=K)
        for part in ("coef", "initial", "objective", "status"):
            np.testing.assert_array_equal(getattr(whole, part)[index], getattr(single, part))


@pytest.mark.parametrize("solver", ["newton", "auto"])
def test_three_separable_classes_have_no_minimum(solver):
    angle = 2.0 * np.pi * (np.arange(N) + 0.5) / N
    rows, y = np.column_stack([np.ones(N), np.cos(angle), np.sin(angle)]), np.floor(3.0 * np.arange(N) / N)
    fit = softmax(solver=make("solver", solver)).fit(rows, y, outputs=K)
    assert fit.status.item() is Status.separated and 0.0 < fit.objective < 1e-6
    np.testing.assert_array_equal((rows @ fit.coef).argmax(-1), y)
    assert softmax(L2(0.1)).fit(rows, y, outputs=K).certified


def test_dependent_columns_give_the_shortest_slopes_of_each_class():
    plain = softmax().fit(XC, LABELS, outputs=K)
    fit = softmax().fit(np.column_stack([XC, XC[:, 1]]), LABELS, outputs=K)
    assert fit.status.item() is Status.rank_deficient and fit.certified
    share = plain.coef[1] / 2.0
    np.testing.assert_allclose(fit.coef, [plain.coef[0], share, plain.coef[2], share], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("wrong", [-1.0, 3.0, 0.5])
def test_a_label_that_is_no_class_is_refused(wrong):
    with pytest.raises(BadData, match=f"label {wrong:g}: must be one of the 3 classes 0 ... 2"):
        softmax().fit(XC, np.where(np.arange(N) == 5, wrong, LABELS), outputs=K)


# --- problems of overlapping boxes

FAR = np.array([0.3, -0.2, 0.4, 0.1])


def box_problem(loss, weights=None, penalty=None):
    return Problem(X, BOXES, loss, penalty=penalty or NoPenalty(), weights=weights)


@pytest.mark.parametrize("penalty", [NoPenalty(), L2(0.3)], ids=["none", "l2"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", OVERLAP, ids=repr)
def test_objective_and_gradient(loss, weights, penalty):
    problem, coef = box_problem(loss, weights, penalty), (TRUTH + 0.1 * FAR).reshape(-1)
    assert problem.outputs == 4 and problem.rows == (N,) and problem.free == 4
    price = 0.15 * (TRUTH[1:] + 0.1 * FAR) ** 2 if penalty != NoPenalty() else np.zeros(1)
    expected = np.average(loss.value(BOXES, X @ (TRUTH + 0.1 * FAR)), weights=weights) + price.sum()
    assert problem.objective(coef) == pytest.approx(expected, rel=1e-13)
    held = along_each(lambda at: np.array([problem.held(b, coef) for b in at]), np.tile(coef, (1, 1)), 1e-6)[0]
    # steps of 1e-6 across the kinks of 80 rows, one or two of which are near enough, and rounding / step
    np.testing.assert_allclose(problem.gradient(coef), held, rtol=1e-4, atol=1e-5)
    assert problem.held(coef, coef) == pytest.approx(problem.objective(coef), rel=1e-14)


def test_held_differs_from_the_objective_for_the_published_ciou_only():
    coef, other = TRUTH.reshape(-1), (TRUTH + FAR).reshape(-1)
    for loss in (IoU(), GIoU(), TotalCIoU(), CIoU()):
        problem = box_problem(loss)
        same = problem.held(other, coef) == pytest.approx(problem.objective(other), rel=1e-13)
        assert same != isinstance(loss, CIoU)


@pytest.mark.parametrize("loss", [IoU(), CIoU(), SoftmaxCrossEntropy(K)], ids=repr)
def test_batches_of_problems_are_flat_vectors_of_their_members(loss):
    draw = classes if isinstance(loss, SoftmaxCrossEntropy) else boxes
    rows, y = (np.stack(part).reshape(2, 3, *part[0].shape) for part in zip(*map(draw, range(6)), strict=True))
    weights = np.random.default_rng(2).integers(1, 4, (2, 3, N)).astype(float)
    coef = np.random.default_rng(3).normal(size=(2, 3, P * loss.outputs))
    whole = Problem(rows, y, loss, np.ones((2, 3)), L2(0.1), weights)
    flat, kept = whole.flat(), np.arange(6) % 2 == 0
    assert whole.batch == (2, 3) and flat.batch == (6,) and whole.n == N
    line = coef.reshape(6, -1)
    for name in ("objective", "gradient"):
        values = getattr(whole, name)(coef)
        assert values.shape == ((2, 3) if name == "objective" else coef.shape)
        np.testing.assert_array_equal(getattr(flat, name)(line), values.reshape(6, *values.shape[2:]))
        np.testing.assert_array_equal(getattr(flat.take(kept), name)(line[kept]), getattr(flat, name)(line)[kept])
        for i in range(6):
            np.testing.assert_array_equal(getattr(flat.member(i), name)(line[i]), getattr(flat, name)(line)[i])
    thin, third = whole.thinned(), slice(None, None, 7)
    np.testing.assert_array_equal(thin.y, y[:, :, third])
    np.testing.assert_array_equal(thin.X, rows[:, :, third])


def test_the_hessian_of_the_softmax_is_that_of_differences():
    problem = Problem(XC, LABELS, SoftmaxCrossEntropy(K), penalty=L2(0.2), weights=WEIGHTS)
    coef = np.random.default_rng(4).normal(size=P * K)
    numeric = along_each(lambda at: np.array([problem.gradient(b) for b in at]), coef[None], 1e-5)[0]
    unseen = problem.curvature(problem.standardised(coef)) - problem.loss.bend(LABELS, XC @ coef.reshape(P, K))
    np.testing.assert_allclose(unseen, np.broadcast_to(problem.loss.unseen, (N, K, K)), atol=1e-15)
    hessian = problem.hessian(coef, problem.loss.bend(LABELS, XC @ coef.reshape(P, K)))
    np.testing.assert_allclose(hessian, numeric, rtol=0, atol=1e-9)


@pytest.mark.parametrize("loss", OVERLAP, ids=repr)
def test_overlap_losses_are_fitted_from_the_fit_of_the_coordinates(loss):
    fit = M(loss, make("solver", "auto"), Fixed(), LAD).fit(X, BOXES, outputs=4)
    assert fit.coef.shape == fit.initial.shape == (P, 4) and fit.gap_kind.item() == "stationary"
    np.testing.assert_allclose(
        fit.initial, M(RESIDUAL["mae"], NEWTON, Fixed()).fit(X, BOXES, outputs=4).coef, atol=1e-9
    )
    start, end = (box_problem(loss).objective(coef.reshape(-1)) for coef in (fit.initial, fit.coef))
    assert fit.objective == end and (end <= start or isinstance(loss, CIoU))
    # nine in ten boxes are where the truth says, to a twentieth of their sides
    assert 1.0 - IoU()(BOXES[N // 10 :], X[N // 10 :] @ fit.coef) > 0.8


def test_batches_of_overlap_fits_are_their_members():
    rows, y = (np.stack(part) for part in zip(*map(boxes, range(3)), strict=True))
    procedure = M(GIoU(), make("solver", "quasi_newton"), Fixed(), LAD)
    whole = procedure.fit(rows, y, outputs=4)
    for i in range(3):
        np.testing.assert_array_equal(whole.coef[i], procedure.fit(rows[i], y[i], outputs=4).coef)


@pytest.mark.parametrize("loss", [GIoU(), SoftmaxCrossEntropy(K)], ids=repr)
def test_a_row_that_does_not_count_is_absent(loss):
    rows, y = (X, BOXES) if loss.wide else (XC, LABELS)
    counts = np.where(np.arange(N) % 5 == 0, 0.0, 1.0)
    coef = np.random.default_rng(5).normal(size=P * loss.outputs)
    whole, part = Problem(rows, y, loss, weights=counts), Problem(rows[counts > 0], y[counts > 0], loss)
    assert whole.objective(coef) == pytest.approx(part.objective(coef), rel=1e-13)
    np.testing.assert_allclose(whole.gradient(coef), part.gradient(coef), rtol=1e-10, atol=1e-13)
    assert replace(whole, weights=2.0 * counts).objective(coef) == pytest.approx(whole.objective(coef), rel=1e-14)
