"""Claims: sentences that others wrote about losses, put to the test, and the one rule by which all of them are judged.

A `Claim` is data: whose sentence it is, what it says in the field's terms, how much it says (its `Quantifier`), where,
and how large a difference counts; all of it fixed before anything is run. Its `evidence` is a list of conditions, each
with what was measured and what is required. Nothing else decides the verdict.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from robustfit.errors import RobustfitError
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate

if TYPE_CHECKING:
    import pandas

    from robustfit.laboratory import Laboratory

CONFIDENCE = 0.95
"""Of the intervals of all conditions of one claim together."""

ROUNDING = 8.0
"""What two ways to compute one number may differ by, in units of the rounding error of a double, 2.2e-16."""

Number = float | Fraction


class Quantifier(Enum):
    """How much a sentence says."""

    always = "always"
    generic = "as a rule"
    exists = "can be"


class Outcome(Enum):
    """What became of one condition."""

    holds = "holds"
    fails = "fails"
    open = "open"


class Verdict(Enum):
    """What becomes of a claim; the value is what a reader is told."""

    supported = "supported"
    depends = "depends"
    refuted = "refuted"
    undecided = "undecided"


def _all(outcome: Outcome) -> Callable[[set[Outcome]], bool]:
    return lambda found: found == {outcome}


def _some(*outcomes: Outcome) -> Callable[[set[Outcome]], bool]:
    return lambda found: found.issuperset(outcomes)


RULE = {
    Quantifier.always: {Verdict.supported: _all(Outcome.holds), Verdict.refuted: _some(Outcome.fails)},
    Quantifier.generic: {
        Verdict.supported: _all(Outcome.holds),
        Verdict.depends: _some(Outcome.holds, Outcome.fails),
        Verdict.refuted: _all(Outcome.fails),
    },
    Quantifier.exists: {Verdict.supported: _some(Outcome.holds), Verdict.refuted: _all(Outcome.fails)},
}
"""What the outcomes of a claim's conditions must be for each verdict; where none applies it is undecided."""


def verdict(quantifier: Quantifier, outcomes: Iterable[Outcome]) -> Verdict:
    """The verdict on a claim whose conditions came out like this; undecided where there are none.

    >>> verdict(Quantifier.generic, [Outcome.holds, Outcome.fails]).name
    'depends'
    """
    found = set(outcomes)
    return next((one for one, applies in RULE[quantifier].items() if applies(found)), Verdict.undecided)


class Measured(Protocol):
    """A number that was found, and how well it is known."""

    @property
    def value(self) -> Number:
        """The number."""

    @property
    def mcse(self) -> float | None:
        """Its Monte Carlo standard error; None where nothing random is in it."""

    def interval(self, confidence: float) -> tuple[Number, Number]:
        """What holds the true number with this probability."""


@dataclass(frozen=True)
class Exact:
    """A number without sampling error; a Fraction where it is computed in rational arithmetic."""

    value: Number
    mcse: ClassVar[None] = None

    def interval(self, confidence: float) -> tuple[Number, Number]:
        """The number itself."""
        return self.value, self.value


@dataclass(frozen=True)
class Sampled:
    """A statistic of Monte Carlo replicates: value -+ t MCSE, t Student's quantile with n - 1 degrees of freedom.

    >>> low, high = Sampled(Estimate(2.0, 0.1, 10_000)).interval(0.95)
    >>> round(low, 3), round(high, 3)
    (1.804, 2.196)
    """

    estimate: Estimate

    @property
    def value(self) -> float:
        """The statistic."""
        return self.estimate.value

    @property
    def mcse(self) -> float:
        """Its Monte Carlo standard error."""
        return self.estimate.mcse

    def interval(self, confidence: float) -> tuple[float, float]:
        """The interval; NaN with less than two replicates, which decides nothing."""
        from scipy.special import stdtrit

        if self.estimate.n < 2:
            return math.nan, math.nan
        width = float(stdtrit(self.estimate.n - 1, (1 + confidence) / 2)) * self.mcse
        return self.value - width, self.value + width


@dataclass(frozen=True)
class Share:
    """So many of n replicates. Clopper and Pearson's interval, which none of n or all of n do not make certain.

    Reference: Clopper & Pearson (1934), Biometrika 26, 404-413.

    >>> low, high = Share(0, 10).interval(0.95)
    >>> low, round(high, 4)
    (0.0, 0.3085)
    """

    count: int
    n: int

    @property
    def value(self) -> float:
        """The share."""
        return self.count / self.n if self.n else math.nan

    @property
    def mcse(self) -> float:
        """sqrt(q (1 - q) / n)."""
        return math.sqrt(self.value * (1 - self.value) / self.n) if self.n else math.nan

    def interval(self, confidence: float) -> tuple[float, float]:
        """The interval; NaN without replicates."""
        from scipy.special import betaincinv

        if not self.n:
            return math.nan, math.nan
        tail, count, rest = (1 - confidence) / 2, self.count, self.n - self.count
        low = float(betaincinv(count, rest + 1, tail)) if count else 0.0
        return low, float(betaincinv(count + 1, rest, 1 - tail)) if rest else 1.0


@dataclass(frozen=True)
class Required:
    """Where a number must lie: from `low` to `high`, the ends included where `closed`."""

    low: Number = -math.inf
    high: Number = math.inf
    closed: bool = True

    def holds(self, low: Number, high: Number) -> bool:
        """Whether a whole interval lies there."""
        inside = self.low <= low and high <= self.high
        return inside and (self.closed or (self.low < low and high < self.high))

    def fails(self, low: Number, high: Number) -> bool:
        """Whether no point of an interval lies there."""
        outside = high < self.low or low > self.high
        return outside or (not self.closed and (high <= self.low or low >= self.high))

    def __str__(self) -> str:
        words = ("at least", "at most") if self.closed else ("above", "below")
        if self.low == self.high:
            return f"{_plain(self.low)}"
        if math.isinf(self.low) or math.isinf(self.high):
            return f"{words[0]} {_plain(self.low)}" if math.isinf(self.high) else f"{words[1]} {_plain(self.high)}"
        return f"{_plain(self.low)} to {_plain(self.high)}"


def _plain(number: Number) -> str:
    return str(number) if isinstance(number, Fraction) else f"{number:.4g}"


def above(limit: Number) -> Required:
    """More than a limit.

    >>> print(above(0.5))
    above 0.5
    """
    return Required(low=limit, closed=False)


def below(limit: Number) -> Required:
    """Less than a limit."""
    return Required(high=limit, closed=False)


def at_least(limit: Number) -> Required:
    """A limit or more."""
    return Required(low=limit)


def at_most(limit: Number) -> Required:
    """A limit or less."""
    return Required(high=limit)


def within(centre: Number, margin: Number) -> Required:
    """Equivalent to a number: not farther from it than the margin.

    >>> print(within(1, Fraction(1, 10)))
    9/10 to 11/10
    """
    return Required(centre - margin, centre + margin)


@dataclass(frozen=True)
class Condition:
    """One circumstance under which a claim is tried: what was measured there, and what the claim requires of it."""

    name: str
    measured: Measured
    required: Required
    unit: str = ""

    def outcome(self, confidence: float) -> Outcome:
        """Holds where the interval clears what is required, fails where it clears the contrary; NaN is open."""
        interval = self.measured.interval(confidence)
        if any(math.isnan(end) for end in interval):
            return Outcome.open
        if self.required.holds(*interval):
            return Outcome.holds
        return Outcome.fails if self.required.fails(*interval) else Outcome.open


def identity(name: str, left: Array, right: Array, allowed: float = ROUNDING) -> Condition:
    """The condition that two arrays are the same to rounding, by their largest difference, relative.

    `allowed` is in units of a double's rounding error, 2.2e-16. Where one is not finite the other must be the same.

    >>> import numpy as np
    >>> identity("thirds", np.array([1 / 3 + 1 / 3]), np.array([2 / 3])).measured.value
    0.0
    """
    import numpy as np

    left, right = np.broadcast_arrays(np.asarray(left, dtype=float), np.asarray(right, dtype=float))
    with np.errstate(invalid="ignore", over="ignore"):
        far = np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))
    far = np.where(left == right, 0.0, np.where(np.isfinite(left) & np.isfinite(right), far, np.inf))
    largest = float(far.max()) if far.size else math.nan
    return Condition(name, Exact(largest), at_most(allowed * float(np.finfo(float).eps)), "relative difference")


def each_confidence(conditions: Sequence[Condition], confidence: float = CONFIDENCE) -> float:
    """The confidence of each interval that makes all hold together with `confidence`: Bonferroni, 1 - (1 - c) / m.

    m counts the conditions with sampling error. It holds whatever the dependence between them (they share samples) and
    for every kind of interval, and beyond m = 2 is within 1 % of the width of the best for independent ones.

    >>> each_confidence([Condition("a", Share(1, 2), above(0))] * 5)
    0.99
    """
    random = sum(condition.measured.mcse is not None for condition in conditions)
    return 1 - (1 - confidence) / max(random, 1)


class MissingRows(RobustfitError):
    """Rows that a claim needs and that there are not; it stays undecided."""


@dataclass(frozen=True)
class Quote:
    """A sentence as it stands in a document: which (as in `DOCUMENTS`), where, and a translation if it needs one."""

    document: str
    place: str
    sentence: str
    translation: str = ""

    @property
    def source(self) -> str:
        """Document and place, such as D0 1.1."""
        return f"{self.document} {self.place}".strip()


DOCUMENTS = {
    "D0": "Deep learning _ loss function (MSE, MAE, Smoothl1_loss ...), www.programmersought.com",
    "D1": "Common loss function of deep learning, Falling flowers and rain, 2022-07-02",
    "D2": "pytorch模型构建(四)——常用的回归损失函数 (PyTorch models, 4: common regression losses), outofmemory.cn",
    "D3": "Learn CV two loss function from scratch (1), pogg_, 2022-07-08",
    "D4": "This post will summary some loss functions that are used in training a neural network, yeephycho, 2017",
}
"""Where the sentences come from."""

SECTIONS = {
    "A": "The shape of the losses",
    "B": "Outliers",
    "C": "Stability and speed",
    "D": "Classification",
    "E": "Boxes",
}
"""The questions, in the order of the report."""


@dataclass(frozen=True)
class Key:
    """The number that says most about a claim."""

    label: str
    measured: Measured
    unit: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure: what it shows (a caption, with its numbers), and a function that draws it on a Matplotlib figure."""

    caption: str
    draw: Callable[[Any], None]
    width: float = 7.2
    height: float = 3.6


Meaning = Callable[[Verdict], str]
"""Two sentences for someone who must choose a loss: words that may depend on the verdict, numbers that are computed."""


@dataclass(frozen=True)
class Evidence:
    """What was found: the conditions, the number that says most, what it means; tables and pictures by name."""

    conditions: tuple[Condition, ...]
    key: Key | None
    meaning: Meaning
    tables: Mapping[str, pandas.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    missing: str = ""
    """Why there is no evidence, where there is none."""


class Claim(ABC):
    """A sentence to be tried. One class each, final, with these facts, in a module of `experiments`.

    Args:
        id: its name, as in `claims=mae-kink` (or `mae_kink`).
        section: the letter of the question that it belongs to (`SECTIONS`).
        quotes: the sentences.
        statement: what they say, in the field's terms.
        quantifier: how much they say.
        scope: for which models it is tried.
        margin: how large a difference counts, and why.
    """

    id: ClassVar[str]
    section: ClassVar[str]
    quotes: ClassVar[tuple[Quote, ...]]
    statement: ClassVar[str]
    quantifier: ClassVar[Quantifier]
    scope: ClassVar[str] = "linear models"
    margin: ClassVar[str]

    @abstractmethod
    def evidence(self, lab: Laboratory) -> Evidence:
        """Compute, or read from the rows of the laboratory's studies, what decides.

        Raises:
            MissingRows: there are no rows; the claim stays undecided.
        """


@dataclass(frozen=True)
class Finding:
    """A condition with its simultaneous interval and its outcome."""

    condition: Condition
    low: Number
    high: Number
    outcome: Outcome


@dataclass(frozen=True)
class Judgement:
    """A claim, its evidence and the verdict."""

    claim: Claim
    evidence: Evidence
    findings: tuple[Finding, ...]
    verdict: Verdict

    def among(self, outcome: Outcome) -> list[Finding]:
        """The findings that came out so."""
        return [finding for finding in self.findings if finding.outcome is outcome]


def judge(claim: Claim, lab: Laboratory) -> Judgement:
    """Try a claim. Without rows it has no evidence and is undecided."""
    try:
        evidence = claim.evidence(lab)
    except MissingRows as error:
        evidence = Evidence((), None, lambda _: "", missing=str(error))
    findings = weighed(evidence.conditions)
    return Judgement(claim, evidence, findings, verdict(claim.quantifier, [found.outcome for found in findings]))


def weighed(conditions: Sequence[Condition]) -> tuple[Finding, ...]:
    """The conditions with intervals that hold together, and what becomes of each."""
    confidence = each_confidence(conditions)
    return tuple(
        Finding(condition, *condition.measured.interval(confidence), condition.outcome(confidence))
        for condition in conditions
    )
