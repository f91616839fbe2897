"""The rule by which claims are judged, and the intervals that it rests on."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from robustfit.claims import (
    Claim,
    Condition,
    Evidence,
    Exact,
    MissingRows,
    Outcome,
    Quantifier,
    Quote,
    Sampled,
    Share,
    Verdict,
    above,
    at_least,
    at_most,
    below,
    each_confidence,
    identity,
    judge,
    verdict,
    within,
)
from robustfit.montecarlo import Estimate, mean

H, F, O = Outcome.holds, Outcome.fails, Outcome.open  # noqa: E741

TABLE = {
    # which outcomes there are: always, generic, exists
    (): "undecided undecided undecided",
    (H,): "supported supported supported",
    (F,): "refuted refuted refuted",
    (O,): "undecided undecided undecided",
    (H, F): "refuted depends supported",
    (H, O): "undecided undecided supported",
    (F, O): "refuted undecided undecided",
    (H, F, O): "refuted depends supported",
}
"""Written out by hand from the words of the rule."""


@pytest.mark.parametrize("present", TABLE, ids=lambda present: "-".join(one.name for one in present) or "none")
@pytest.mark.parametrize("place", range(3), ids=[quantifier.name for quantifier in Quantifier])
def test_the_rule_is_the_table(present, place):
    expected = TABLE[present].split()[place]
    quantifier = list(Quantifier)[place]
    for repeats in itertools.product((1, 2, 3), repeat=len(present)):
        outcomes = [one for one, count in zip(present, repeats, strict=True) for _ in range(count)]
        for order in set(itertools.permutations(outcomes[:4])):
            if set(order) == set(present):
                assert verdict(quantifier, order).name == expected


def test_the_table_is_whole():
    subsets = [frozenset(s) for size in range(4) for s in itertools.combinations(Outcome, size)]
    assert {frozenset(present) for present in TABLE} == set(subsets)


def outcome(low, high, required):
    @dataclass(frozen=True)
    class Between:
        value: float = (low + high) / 2
        mcse: float = 1.0

        def interval(self, confidence):
            return low, high

    return Condition("", Between(), required).outcome(0.95).name


@pytest.mark.parametrize(
    ("low", "high", "required", "expected"),
    [
        (1.1, 2.0, above(1.0), "holds"),
        (1.0, 2.0, above(1.0), "open"),
        (0.0, 1.0, above(1.0), "fails"),
        (0.0, 2.0, above(1.0), "open"),
        (1.0, 2.0, at_least(1.0), "holds"),
        (0.0, 0.9, at_least(1.0), "fails"),
        (0.0, 1.0, at_least(1.0), "open"),
        (0.0, 0.9, below(1.0), "holds"),
        (1.0, 1.5, below(1.0), "fails"),
        (0.0, 1.0, at_most(1.0), "holds"),
        (1.1, 1.2, at_most(1.0), "fails"),
        (0.95, 1.05, within(1.0, 0.1), "holds"),
        (0.85, 1.05, within(1.0, 0.1), "open"),
        (1.2, 1.5, within(1.0, 0.1), "fails"),
        (math.nan, math.nan, above(1.0), "open"),
        (-math.inf, math.nan, below(1.0), "open"),
    ],
)
def test_an_interval_must_clear_what_is_required(low, high, required, expected):
    assert outcome(low, high, required) == expected


def test_thresholds_are_exact_in_rational_arithmetic():
    third = Fraction(1, 3)
    assert Condition("", Exact(third), at_least(third)).outcome(0.95) is H
    assert Condition("", Exact(third), above(third)).outcome(0.95) is F
    assert Condition("", Exact(third + Fraction(1, 10**40)), above(third)).outcome(0.95) is H
    assert Condition("", Exact(third), within(third, Fraction(0))).outcome(0.95) is H


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_a_mean_has_students_interval(n):
    values = np.random.default_rng(n).normal(size=n)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.99)
    assert Sampled(mean(values)).interval(0.99) == pytest.approx((expected.low, expected.high), rel=1e-10)


@pytest.mark.parametrize(("count", "n"), [(0, 7), (7, 7), (1, 30), (11, 40)])
def test_a_share_has_clopper_and_pearsons_interval(count, n):
    expected = stats.binomtest(count, n).proportion_ci(0.98, "exact")
    assert Share(count, n).interval(0.98) == pytest.approx((expected.low, expected.high), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("measured", [Share(0, 0), Sampled(Estimate(1.0, math.nan, 1)), Sampled(Estimate(1.0, 0.0, 0))])
def test_too_few_replicates_decide_nothing(measured):
    assert Condition("", measured, above(0.0)).outcome(0.95) is O
    assert Condition("", measured, below(0.0)).outcome(0.95) is O


def test_no_failures_are_no_proof_of_none():
    assert Condition("", Share(0, 10), below(0.05)).outcome(0.95) is O
    assert Condition("", Share(0, 200), below(0.05)).outcome(0.95) is H


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_the_intervals_of_a_claim_hold_together(correlation):
    """At least 95 % of 4000 families of five, less three standard errors: 0.0034 each."""
    rng = np.random.default_rng(1)
    common, own = rng.normal(size=(4000, 20, 1)), rng.normal(size=(4000, 20, 5))
    samples = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own
    conditions = [Condition("", Sampled(mean(samples[0, :, j])), above(0.0)) for j in range(5)]
    confidence = each_confidence(conditions)
    half = stats.t.ppf((1 + confidence) / 2, 19) * samples.std(1, ddof=1) / math.sqrt(20)
    low, high = conditions[0].measured.interval(confidence)
    assert (high - low) / 2 == pytest.approx(half[0, 0])
    covered = (np.abs(samples.mean(1)) <= half).all(1).mean()
    assert covered >= 0.95 - 3 * 0.0034
    assert correlation or covered <= 0.955 + 3 * 0.0034  # independent: 0.99^5 = 0.951, no more careful than needed


def test_only_what_is_sampled_shares_the_error():
    exact = [Condition("", Exact(1.0), above(0.0))] * 50
    assert each_confidence([*exact, Condition("", Share(1, 2), above(0.0))]) == 0.95
    assert each_confidence([]) == 0.95


def test_identity_is_to_rounding():
    u = np.linspace(-3, 3, 101)
    assert identity("", u * u, u**2).outcome(0.95) is H
    assert identity("", u, u * (1 + 1e-14)).outcome(0.95) is F
    assert identity("", np.array([np.inf, 0.0]), np.array([np.inf, -0.0])).outcome(0.95) is H
    assert identity("", np.array([np.nan]), np.array([np.nan])).outcome(0.95) is F
    assert identity("", np.array([1.0]), np.array([np.inf])).outcome(0.95) is F
    assert identity("", np.array([]), np.array([])).outcome(0.95) is O


class Fake(Claim):
    id = "fake"
    section = "A"
    quotes = (Quote("D0", "1", "words"),)
    statement = "more words"
    quantifier = Quantifier.exists
    margin = "none"


@dataclass(frozen=True)
class Absent(Fake):
    def evidence(self, lab):
        raise MissingRows("the rows of 3 blocks are missing")


@dataclass(frozen=True)
class Empty(Fake):
    def evidence(self, lab):
        return Evidence((), None, lambda _: "")


@pytest.mark.parametrize("claim", [Absent(), Empty()])
@pytest.mark.parametrize("quantifier", list(Quantifier))
def test_without_evidence_a_claim_is_undecided(claim, quantifier, monkeypatch):
    monkeypatch.setattr(Fake, "quantifier", quantifier)
    found = judge(claim, None)
    assert found.verdict is Verdict.undecided
    assert found.evidence.missing == ("the rows of 3 blocks are missing" if isinstance(claim, Absent) else "")
