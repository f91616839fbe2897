"""Statistics of a sample of Monte Carlo replicates, each with its Monte Carlo standard error (MCSE).

Every function takes a sample of one value per replicate, `(K,)`. NaN marks a replicate without a value: it is left out,
and `n` says over how many replicates the statistic was taken. Two samples are paired: entry k of both belongs to
replicate k, and a pair counts if both its values are finite. A value that cannot be had is NaN. The MCSE of a smooth
statistic is the standard deviation of its influence values over sqrt(K), the delta method.

References: Morris, White & Crowther (2019), Statist. Med. 38, 2074-2102, table 6; Koehler, Brown & Haneuse (2009),
Amer. Statist. 63, 155-162.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from robustfit.linalg import Array

TRIM = 0.1
"""Share of the replicates that a trimmed mean leaves out at either end."""

CONFIDENCE = 0.95
"""Of the intervals of medians."""

DRAWS = 500
"""Bootstrap samples."""

BATCHES = 20
"""In which they are drawn, to bound memory."""

FEWEST_EXTREMES = 10
"""The least number of extremes that a tail index is taken from."""


@dataclass(frozen=True)
class Estimate:
    """A statistic, its Monte Carlo standard error, and over how many replicates it was taken."""

    value: float
    mcse: float
    n: int


def mean(values: Array) -> Estimate:
    """The mean; MCSE s / sqrt(K).

    >>> mean(np.array([1.0, 3.0, np.nan]))
    Estimate(value=2.0, mcse=1.0, n=2)
    """
    return _mean(_present(values))


def share(values: Array) -> Estimate:
    """The share q of ones among zeros and ones; MCSE sqrt(q (1 - q) / K).

    >>> share(np.array([1.0, 0.0, 0.0, 1.0]))
    Estimate(value=0.5, mcse=0.25, n=4)
    """
    one = mean(values)
    return Estimate(one.value, math.sqrt(one.value * (1 - one.value) / one.n) if one.n > 1 else math.nan, one.n)


def variance(values: Array) -> Estimate:
    """The variance s^2 (over K - 1); MCSE sqrt((m4 - m2^2) / K) from the central moments, so for any kurtosis.

    >>> variance(np.array([0.0, 0.0, 3.0, 3.0]))
    Estimate(value=3.0, mcse=0.0, n=4)
    """
    return total_variance(values[:, None])


def sd(values: Array) -> Estimate:
    """The standard deviation s; MCSE that of s^2 over 2 s.

    >>> round(sd(np.array([0.0, 0.0, 3.0, 3.0])).value**2, 12)
    3.0
    """
    return _root(variance(values))


def rmse(errors: Array) -> Estimate:
    """The root mean square of errors, sqrt(mean e^2); MCSE that of the mean of e^2 over 2 RMSE.

    >>> rmse(np.array([3.0, -3.0, 3.0]))
    Estimate(value=3.0, mcse=0.0, n=3)
    """
    return _root(mean(_square(errors)))


def median(values: Array) -> Estimate:
    """The median; MCSE (upper - lower) / (2 z) from its order-statistic interval.

    The interval holds the median with exactly known probability c whatever the distribution, and z is the normal
    quantile of (1 + c) / 2. No density is estimated and no moment has to exist. NaN below six values.
    Reference: McKean & Schrader (1984), Comm. Statist. B 13, 751-773.

    >>> median(np.arange(11.0)).value, round(median(np.arange(11.0)).mcse, 3)
    (5.0, 1.587)
    """
    ordered = np.sort(_present(values))
    if len(ordered) == 0:
        return Estimate(math.nan, math.nan, 0)
    below, z = _ranks(len(ordered))
    with np.errstate(invalid="ignore"):
        error = float(ordered[-1 - below] - ordered[below]) / (2 * z) if below >= 0 else math.nan
        return Estimate(float(np.median(ordered)), error, len(ordered))


def median_interval(values: Array) -> tuple[float, float]:
    """The shortest symmetric pair of order statistics that holds the median with probability at least 0.95.

    x_(l+1) and x_(K-l) for the largest l with P(Bin(K, 1/2) <= l) <= 0.025; NaN below six values.

    >>> median_interval(np.arange(11.0))
    (1.0, 9.0)
    """
    ordered = np.sort(_present(values))
    below, _ = _ranks(len(ordered))
    return (float(ordered[below]), float(ordered[-1 - below])) if below >= 0 else (math.nan, math.nan)


def trimmed_mean(values: Array, trim: float = TRIM) -> Estimate:
    """The mean without the g = floor(trim K) least and greatest; MCSE s_w / ((1 - 2 trim) sqrt(K)).

    s_w is the standard deviation after the values left out are moved to the nearest one kept.
    Reference: Wilcox (2012), Introduction to Robust Estimation and Hypothesis Testing, 3rd ed., section 3.3.

    >>> trimmed_mean(np.array([1e9, *range(9)])).value
    4.5
    """
    ordered = np.sort(_present(values))
    n, cut = len(ordered), int(trim * len(ordered))
    if n == 0:
        return Estimate(math.nan, math.nan, 0)
    kept = ordered[cut : n - cut]
    winsorised = _mean(np.clip(ordered, kept[0], kept[-1]))
    return Estimate(_mean(kept).value, winsorised.mcse / (1 - 2 * trim), n)


def tail_index(values: Array) -> Estimate:
    """Hill's alpha of abs(x), P(abs(x) > t) ~ t^-alpha, from the k = floor(sqrt(K)) largest; MCSE alpha / sqrt(k).

    1 / alpha = mean of log(x_i / x_0) over them, x_0 the next largest; moments below order alpha exist. Light tails
    give large values; NaN below 100 replicates (k < 10). Reference: Hill (1975), Ann. Statist. 3, 1163-1174.

    >>> round(tail_index(1 / np.arange(1.0, 401.0)).value, 2)  # 1 / U is Pareto with alpha = 1
    1.08
    """
    sizes = np.sort(np.abs(_present(values)))
    k = math.isqrt(len(sizes))
    if k < FEWEST_EXTREMES or not 0 < sizes[-1 - k] < math.inf:
        return Estimate(math.nan, math.nan, len(sizes))
    excess = float(np.log(sizes[-k:]).mean() - np.log(sizes[-1 - k]))
    alpha = 1 / excess if excess > 0 else math.inf
    return Estimate(alpha, alpha / math.sqrt(k), len(sizes))


def heavy_tailed(values: Array) -> bool:
    """Whether the mean and its MCSE cannot be trusted, for want of a variance: tail index - its MCSE <= 2.

    Also where a value is infinite; never below 100 replicates, which are too few to tell.

    >>> heavy_tailed(1 / np.arange(1.0, 401.0)), heavy_tailed(np.arange(400.0))
    (True, False)
    """
    index = tail_index(values)
    return bool(np.isinf(values).any()) or index.value - index.mcse <= 2


def pairs(values: Array, reference: Array) -> tuple[Array, Array]:
    """The pairs that count: both values finite.

    >>> pairs(np.array([1.0, np.nan, 3.0]), np.array([4.0, 5.0, np.inf]))
    (array([1.]), array([4.]))
    """
    both = np.isfinite(values) & np.isfinite(reference)
    return values[both], reference[both]


def difference(values: Array, reference: Array) -> Estimate:
    """The mean of the paired differences; its MCSE is smaller than an unpaired one where the two move together.

    >>> difference(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0]))
    Estimate(value=1.0, mcse=0.0, n=3)
    """
    values, reference = pairs(values, reference)
    return mean(values - reference)


def win_share(values: Array, reference: Array) -> Estimate:
    """The share of pairs in which the value is below the reference, a tie counting half.

    >>> win_share(np.array([1.0, 2.0, 5.0, 0.0]), np.array([2.0, 2.0, 2.0, 2.0])).value
    0.625
    """
    values, reference = pairs(values, reference)
    return mean((values < reference) + 0.5 * (values == reference))


def ratio(values: Array, reference: Array) -> Estimate:
    """The ratio R of two means; MCSE sd(x - R y) / (abs(mean y) sqrt(K)), so with the covariance of the pairs.

    >>> ratio(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    Estimate(value=2.0, mcse=0.0, n=3)
    """
    values, reference = pairs(values, reference)
    bottom = _mean(reference).value
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(np.divide(_mean(values).value, bottom))
        return Estimate(value, float(np.divide(_mean(values - value * reference).mcse, abs(bottom))), len(values))


def efficiency(errors: Array, reference: Array) -> Estimate:
    """The relative efficiency mean(reference^2) / mean(errors^2): below 1 where the reference is better.

    >>> efficiency(np.array([2.0, -2.0]), np.array([1.0, -1.0]))
    Estimate(value=0.25, mcse=0.0, n=2)
    """
    return ratio(_square(reference), _square(errors))


def median_ratio(values: Array, reference: Array, seed: int = 0) -> Estimate:
    """The ratio of two medians; MCSE the standard deviation over bootstrap samples of the pairs, from a fixed seed.

    >>> median_ratio(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    Estimate(value=2.0, mcse=0.0, n=3)
    """
    both = np.array(pairs(values, reference))
    n, rng = both.shape[1], np.random.default_rng(seed)
    if n < 2:
        return Estimate(math.nan, math.nan, n)
    batches = (rng.integers(n, size=(DRAWS // BATCHES, n)) for _ in range(BATCHES))
    ratios = np.concatenate([_median_ratio(both[:, batch]) for batch in batches])
    return Estimate(float(_median_ratio(both)), float(ratios.std(ddof=1)), n)


def squared_norm_of_mean(vectors: Array) -> Estimate:
    """The squared norm of the expectation of vectors, `(K, q)`, without bias: mean of e_i'e_j over i != j.

    The squared norm of the mean alone is too large by tr(S) / K. MCSE from the exact variance of this U-statistic,
    4 m'Sm / K + 2 tr(S^2) / (K (K - 1)), with m'Sm estimated likewise but not below 0, which makes it too large, up to
    1.4 times, where the expectation is 0. Rows with NaN are missing.
    Reference: Serfling (1980), Approximation Theorems of Mathematical Statistics, section 5.2.

    >>> squared_norm_of_mean(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]))
    Estimate(value=5.0, mcse=0.0, n=3)
    """
    vectors = vectors[~np.isnan(vectors).any(1)]
    n = len(vectors)
    if n < 2 or vectors.shape[1] == 0:
        return Estimate(math.nan, math.nan, n)
    with np.errstate(over="ignore", invalid="ignore"):
        center = vectors.mean(0)
        S = np.atleast_2d(np.cov(vectors, rowvar=False))
        spread = float(np.square(S).sum())
        along = max(float(center @ S @ center) - spread / n, 0.0)
        error = math.sqrt(4 * along / n + 2 * spread / (n * (n - 1)))
        return Estimate(float(center @ center - np.trace(S) / n), error, n)


def total_variance(vectors: Array) -> Estimate:
    """The trace of the covariance of vectors, `(K, q)`; MCSE as that of `variance`. Rows with NaN are missing.

    >>> total_variance(np.array([[0.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 3.0]]))
    Estimate(value=6.0, mcse=0.0, n=4)
    """
    vectors = vectors[~np.isnan(vectors).any(1)]
    n = len(vectors)
    if n < 2:
        return Estimate(math.nan, math.nan, n)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.square(vectors - vectors.mean(0)).sum(1)
        return Estimate(float(squares.sum() / (n - 1)), float(squares.std() / math.sqrt(n)), n)


def _median_ratio(both: Array) -> Array:
    """Ratios of the medians over the last axis of two samples, `(2, ..., K)`."""
    top, bottom = np.median(both, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(top / bottom)


def _mean(values: Array) -> Estimate:
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        error = float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
        return Estimate(float(values.mean()), error, n)


def _root(square: Estimate) -> Estimate:
    """The square root of an estimate by the delta method; at 0 its MCSE is unknown unless that is 0 too."""
    root = math.sqrt(square.value)
    if root > 0:
        return Estimate(root, square.mcse / (2 * root), square.n)
    return Estimate(root, 0.0 if square.mcse == 0 else math.nan, square.n)


def _square(values: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.square(values)


def _present(values: Array) -> Array:
    return values[~np.isnan(values)]


@cache
def _ranks(n: int) -> tuple[int, float]:
    """How many values the median's interval leaves out at either end, below 0 if there is none, and its normal z."""
    from scipy.special import bdtr, bdtrik

    if n * math.log(2) < -math.log((1 - CONFIDENCE) / 2):
        return -1, math.nan
    below = math.floor(bdtrik((1 - CONFIDENCE) / 2, n, 0.5))
    return below, NormalDist().inv_cdf(1 - float(bdtr(below, n, 0.5)))
