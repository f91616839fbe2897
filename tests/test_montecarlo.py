"""Each statistic and its standard error against an independent source: jackknife, SciPy, closed forms, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from robustfit import montecarlo
from robustfit.montecarlo import (
    Estimate,
    difference,
    efficiency,
    heavy_tailed,
    mean,
    median,
    median_interval,
    median_ratio,
    pairs,
    ratio,
    rmse,
    sd,
    share,
    squared_norm_of_mean,
    tail_index,
    total_variance,
    trimmed_mean,
    variance,
    win_share,
)

K = 1000
RNG = np.random.default_rng(11)
SAMPLES = {
    "normal": RNG.normal(3.0, 2.0, K),
    "skewed": RNG.exponential(1.0, K),
    "two values": RNG.integers(0, 2, K).astype(float),
    "heavy": RNG.standard_t(6.0, K),
}
PAIRED = {name: values + RNG.normal(4.0, 1.0, K) for name, values in SAMPLES.items()}

each_sample = pytest.mark.parametrize("name", SAMPLES)


def jackknife(statistic, *samples):
    """The standard error from leaving one replicate out at a time."""
    n = len(samples[0])
    without = [statistic(*(np.delete(sample, k, axis=0) for sample in samples)).value for k in range(n)]
    return math.sqrt((n - 1) / n * np.square(np.array(without) - np.mean(without)).sum())


def exact(statistic):
    """Whether the jackknife is the same number."""
    return statistic in (mean, difference)


@each_sample
@pytest.mark.parametrize("statistic", [mean, variance, sd, rmse])
def test_smooth_statistics_of_one_sample_have_the_jackknife_error(statistic, name):
    found = statistic(SAMPLES[name])
    tolerance = 1e-9 if exact(statistic) else 0.03  # the delta method and the jackknife differ by O(1 / K)
    assert found.mcse == pytest.approx(jackknife(statistic, SAMPLES[name]), rel=tolerance)
    assert found.n == K


@each_sample
@pytest.mark.parametrize("statistic", [difference, ratio, efficiency])
def test_smooth_statistics_of_pairs_have_the_jackknife_error(statistic, name):
    samples = SAMPLES[name], PAIRED[name]
    tolerance = 1e-9 if exact(statistic) else 0.03
    assert statistic(*samples).mcse == pytest.approx(jackknife(statistic, *samples), rel=tolerance)


@each_sample
def test_values_are_those_of_numpy(name):
    x, y = SAMPLES[name], PAIRED[name]
    assert variance(x).value == pytest.approx(x.var(ddof=1), rel=1e-12)
    assert sd(x).value == pytest.approx(x.std(ddof=1), rel=1e-12)
    assert rmse(x).value == pytest.approx(np.linalg.norm(x) / math.sqrt(K), rel=1e-12)
    assert difference(x, y).value == pytest.approx(x.mean() - y.mean(), rel=1e-12)
    assert ratio(x, y).value == pytest.approx(x.sum() / y.sum(), rel=1e-12)
    assert efficiency(x, y).value == pytest.approx((y**2).sum() / (x**2).sum(), rel=1e-12)


def test_the_error_of_a_ratio_has_the_textbook_form():
    x, y = SAMPLES["skewed"], PAIRED["skewed"]
    (vx, covariance), (_, vy) = np.cov(x, y)
    spread = vx / x.mean() ** 2 + vy / y.mean() ** 2 - 2 * covariance / (x.mean() * y.mean())
    assert ratio(x, y).mcse == pytest.approx(abs(x.mean() / y.mean()) * math.sqrt(spread / K), rel=1e-9)


def test_pairing_cancels_what_both_have_in_common():
    common = RNG.normal(size=K)
    x, y = common + 0.1 * RNG.normal(size=K), common + 0.1 * RNG.normal(size=K)
    assert difference(x, y).mcse < 0.2 * math.hypot(mean(x).mcse, mean(y).mcse)


@each_sample
def test_trimmed_mean_is_scipys(name):
    found = trimmed_mean(SAMPLES[name])
    assert found.value == pytest.approx(stats.trim_mean(SAMPLES[name], 0.1), rel=1e-12)
    assert found.mcse == pytest.approx(float(stats.mstats.trimmed_stde(SAMPLES[name], (0.1, 0.1))), rel=1e-12)


@each_sample
def test_nothing_trimmed_is_the_mean(name):
    found, plain = trimmed_mean(SAMPLES[name], 0.0), mean(SAMPLES[name])
    assert (found.value, found.mcse) == pytest.approx((plain.value, plain.mcse), rel=1e-12)


@pytest.mark.parametrize("n", [6, 7, 25, 100, 1001])
def test_the_interval_of_the_median_is_the_shortest_that_holds_it_often_enough(n):
    low, high = median_interval(np.arange(1.0, n + 1))
    below = int(low) - 1
    assert high == n - below
    assert stats.binom.cdf(below, n, 0.5) <= 0.025 < stats.binom.cdf(below + 1, n, 0.5)


@pytest.mark.parametrize("n", [1, 5])
def test_few_values_have_a_median_but_no_interval(n):
    assert median(np.arange(float(n))).value == (n - 1) / 2
    assert np.isnan([median(np.arange(float(n))).mcse, *median_interval(np.arange(float(n)))]).all()


SPREADS = {"normal": (stats.norm(), 0.04), "cauchy": (stats.cauchy(), 0.04), "laplace": (stats.laplace(), 0.07)}


@pytest.mark.parametrize("name", SPREADS)
def test_the_error_of_the_median_is_the_asymptotic_one(name):
    """1 / (2 f(m) sqrt(K)), approached at a rate of K^(-1/2) where the density has a peak."""
    distribution, tolerance = SPREADS[name]
    draws = distribution.rvs(size=(300, 2000), random_state=3)
    errors = [median(sample).mcse for sample in draws]
    assert np.mean(errors) == pytest.approx(1 / (2 * distribution.pdf(0) * math.sqrt(2000)), rel=tolerance)


COVERED = {
    "mean": (mean, 1.0),
    "median": (median, math.log(2)),
    "trimmed_mean": (trimmed_mean, None),
    "rmse": (rmse, math.sqrt(2)),
    "sd": (sd, 1.0),
    "variance": (variance, 1.0),
}


@pytest.mark.parametrize("name", COVERED)
def test_two_errors_either_side_cover_the_truth(name):
    """Exponential samples: skewed, so that coverage is a little below the 95.4 % of the normal at K = 500."""
    statistic, truth = COVERED[name]
    if truth is None:
        truth = stats.expon.expect(lambda x: x, lb=stats.expon.ppf(0.1), ub=stats.expon.ppf(0.9), conditional=True)
    draws = np.random.default_rng(5).exponential(size=(1500, 500))
    found = [statistic(sample) for sample in draws]
    covered = np.mean([abs(one.value - truth) <= 2 * one.mcse for one in found])
    assert 0.915 < covered < 0.97  # a binomial error of 0.006


def test_the_interval_of_the_median_covers_exactly():
    draws = np.random.default_rng(6).standard_cauchy((20_000, 25))
    ends = np.array([median_interval(sample) for sample in draws])
    covered = np.mean((ends[:, 0] <= 0) & (ends[:, 1] >= 0))
    expected = 1 - 2 * stats.binom.cdf(7, 25, 0.5)  # x_(8) to x_(18)
    assert covered == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / 20_000))


def test_share_has_the_binomial_error():
    values = np.array([1.0] * 30 + [0.0] * 70)
    found = share(values)
    assert (found.value, found.n) == (0.3, 100)
    assert found.mcse == pytest.approx(stats.binom.std(100, 0.3) / 100)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_tail_index_of_pareto_tails(alpha):
    draws = np.random.default_rng(1).pareto(alpha, (2000, 400)) + 1
    signs = np.random.default_rng(2).choice([-1.0, 1.0], draws.shape)
    found = [tail_index(sample) for sample in draws * signs]
    inverse = np.array([1 / one.value for one in found])  # unbiased for 1 / alpha, with sd 1 / (alpha sqrt(k)), k = 20
    assert inverse.mean() == pytest.approx(1 / alpha, abs=5 / (alpha * math.sqrt(20 * 2000)))
    assert np.median([one.mcse for one in found]) == pytest.approx(alpha / math.sqrt(20), rel=0.05)


LIGHT_OR_HEAVY = {
    "half-normal": (lambda rng, n: np.abs(rng.standard_normal(n)), False),
    "surface error": (lambda rng, n: np.sqrt(rng.chisquare(4, n)), False),
    "exponential": (lambda rng, n: rng.exponential(size=n), False),
    "t, df=6": (lambda rng, n: rng.standard_t(6.0, n), False),
    "cauchy": (lambda rng, n: rng.standard_cauchy(n), True),
    "t, df=1.5": (lambda rng, n: rng.standard_t(1.5, n), True),
    "no variance": (lambda rng, n: rng.standard_t(1.9, n), True),
}


@pytest.mark.parametrize("name", LIGHT_OR_HEAVY)
def test_heavy_tails_are_told_from_light_ones(name):
    draw, heavy = LIGHT_OR_HEAVY[name]
    rng = np.random.default_rng(4)
    assert np.mean([heavy_tailed(draw(rng, 1000)) == heavy for _ in range(300)]) > 0.85


def test_few_replicates_cannot_tell_and_infinite_ones_can():
    assert not heavy_tailed(np.random.default_rng(0).standard_cauchy(99))
    assert math.isnan(tail_index(np.ones(99)).value)
    assert heavy_tailed(np.array([1.0, np.inf]))
    assert not heavy_tailed(np.ones(200))  # all the same: no tail
    assert not heavy_tailed(np.zeros(200))


def test_win_share_by_hand():
    x, y = np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 2.0, 1.0, 0.0])
    assert win_share(x, y).value == 0.5
    assert win_share(x, y).n == 3


def test_median_ratio_has_the_bootstrap_error_of_scipy():
    x, y = SAMPLES["skewed"] + 1, PAIRED["skewed"]
    found = median_ratio(x, y)
    assert found.value == pytest.approx(np.median(x) / np.median(y))
    other = stats.bootstrap(
        (x, y), lambda x, y, axis: np.median(x, axis) / np.median(y, axis), paired=True, n_resamples=2000,
        vectorized=True, method="percentile", rng=np.random.default_rng(9),
    )  # fmt: skip
    assert found.mcse == pytest.approx(
        other.standard_error, rel=0.12
    )  # 500 draws: 3 %; the rest is the 4,000's and luck


def test_median_ratio_is_the_same_every_time():
    x, y = SAMPLES["normal"], PAIRED["normal"]
    assert median_ratio(x, y) == median_ratio(x, y)
    assert median_ratio(x, y, seed=1).mcse != median_ratio(x, y).mcse


def test_total_variance_adds_the_variances():
    vectors = RNG.normal(size=(K, 3)) @ np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 3.0]])
    assert total_variance(vectors).value == pytest.approx(sum(variance(column).value for column in vectors.T))
    assert total_variance(vectors).mcse == pytest.approx(jackknife(total_variance, vectors), rel=0.03)


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.9, 2.1), (0.1, 0.9, 2.1), (1.0, 0.95, 1.05)])
def test_squared_norm_of_the_mean_is_unbiased_and_its_error_is_right(shift, least, most):
    """Where there is no bias, a variance that may not be below 0 is overestimated, up to twofold; never under."""
    draws = np.random.default_rng(8).normal(size=(4000, 50, 2)) * np.array([1.0, 2.0]) + shift
    found = [squared_norm_of_mean(sample) for sample in draws]
    values, squares = np.array([one.value for one in found]), np.square([one.mcse for one in found])
    assert values.mean() == pytest.approx(2 * shift**2, abs=4 * values.std() / math.sqrt(4000))
    assert least < squares.mean() / values.var() < most
    assert np.mean(np.abs(values - 2 * shift**2) <= 2 * np.sqrt(squares)) > 0.9  # K = 50, not normal


def test_squared_bias_and_variance_make_the_mean_square():
    vectors = RNG.normal(size=(K, 3)) + 0.3
    parts = squared_norm_of_mean(vectors).value + total_variance(vectors).value
    assert parts == pytest.approx(np.square(vectors).sum(1).mean(), rel=1e-12)


ONE_SAMPLE = [mean, share, variance, sd, rmse, median, trimmed_mean, tail_index]
TWO_SAMPLES = [difference, ratio, efficiency, median_ratio, win_share]


@pytest.mark.parametrize("statistic", ONE_SAMPLE, ids=lambda it: it.__name__)
def test_missing_values_are_counted_out(statistic):
    values = RNG.integers(0, 2, 150).astype(float) if statistic is share else RNG.exponential(size=150)
    holes = np.insert(values, [0, 70, 150], np.nan)
    assert statistic(holes) == statistic(values)
    assert statistic(holes).n == 150


@pytest.mark.parametrize("statistic", TWO_SAMPLES, ids=lambda it: it.__name__)
def test_pairs_count_where_both_are_finite(statistic):
    x, y = RNG.exponential(size=(2, 50)) + 1
    spoilt_x, spoilt_y = np.insert(x, [0, 20, 50], [np.nan, np.inf, 1.0]), np.insert(y, [0, 20, 50], [1.0, 1.0, np.nan])
    assert statistic(spoilt_x, spoilt_y) == statistic(x, y)
    assert statistic(x, y).n == 50


@pytest.mark.parametrize("statistic", [*ONE_SAMPLE, *TWO_SAMPLES], ids=lambda it: it.__name__)
@pytest.mark.parametrize("n", [0, 1])
def test_what_cannot_be_had_is_empty(statistic, n):
    found = statistic(*[np.ones(n)] * (2 if statistic in TWO_SAMPLES else 1))
    assert found.n == n
    assert math.isnan(found.mcse)
    assert math.isnan(found.value) or n == 1


@pytest.mark.parametrize("statistic", [mean, variance, rmse, median, trimmed_mean, tail_index])
def test_values_that_overflow_say_so_without_a_warning(statistic):
    found = statistic(np.array([1e200, 3e200, np.inf] * 100))
    assert isinstance(found, Estimate)
    assert mean(np.array([1e200, 3e200])) == Estimate(2e200, math.inf, 2)


def test_the_bootstrap_is_drawn_in_whole_batches():
    assert montecarlo.DRAWS % montecarlo.BATCHES == 0


def test_pairs_keep_their_order():
    x, y = pairs(np.array([1.0, np.nan, 3.0]), np.array([4.0, 5.0, 6.0]))
    assert (x.tolist(), y.tolist()) == ([1.0, 3.0], [4.0, 6.0])
