"""How a run with labels as targets is told."""

from __future__ import annotations

import math

import numpy as np

from robustfit.data import class_places
from robustfit.fit import ENDLESS, Status
from robustfit.losses.base import ResidualLoss
from robustfit.report import account
from robustfit.report.account import WIDEST, Account, Line, Run
from robustfit.report.regression import outliers
from robustfit.report.tables import share


def _facts(run: Run) -> list[tuple[str, str]]:
    data = run.fitted.data
    facts = [("labels", _counts(run)), ("outliers", outliers(run) + _flipped(run))]
    if isinstance(run.fitted.cell.estimator.loss, ResidualLoss):
        first, second = data.classes
        facts.append(("as numbers", f"{run.loss} is a loss of residuals: {first} counts as -1 and {second} as 1"))
    return facts


def _counts(run: Run) -> str:
    """How many clean rows each class has, and what share of all that is."""
    counts = _of_each(run, np.ones(run.data.y.shape[-1], dtype=bool))
    n = int(counts.sum())
    named = zip(run.fitted.data.classes, counts, strict=True)
    shown = [f"{count} of class {name} ({share(count / n)})" for name, count in named]
    return _listed(shown)


def _flipped(run: Run) -> str:
    """Of which classes the rows were that carry another label now."""
    data = run.data
    counts = _of_each(run, data.y[0] != data.y_clean[0])
    named = zip(data.classes, counts, strict=True)
    shown = [f"{count} of class {name}" for name, count in named if count]
    return f": {_listed(shown)}" if shown else ""


def _listed(words: list[str]) -> str:
    """The words in a row, of very many the first."""
    more = f" and {len(words) - WIDEST} more" if len(words) > WIDEST else ""
    return ", ".join(words[:WIDEST]) + more


def _of_each(run: Run, rows: np.ndarray) -> np.ndarray:
    """The number of these rows in each class, by their clean labels."""
    k = len(run.fitted.data.classes)
    return np.bincount(class_places(run.data.y_clean[0], k)[rows], minlength=k)


def _coefficients(run: Run) -> str:
    shown = account.fits(run)
    if run.fitted.data.outputs > 1:
        return account.blocks(run, shown)
    return account.columns(run, shown) + _note(run)


def _note(run: Run) -> str:
    """What cannot be compared: scores that are no logits, and coefficients that could be any multiple of themselves."""
    notes = []
    if run.fitted.fit.loss.logit != 1.0:
        some = "are half of log odds" if run.fitted.fit.loss.logit else "are no log odds"
        notes.append(f"the scores of {run.loss} {some}: only ratios of its coefficients compare with the others'")
    for name, fit in ((run.loss, run.fitted.fit), (run.compared, run.reference)):
        if fit.status[0] in ENDLESS:
            why = "separates the classes" if fit.status[0] is Status.separated else "only counts wrong labels"
            notes.append(f"{name} {why}: its coefficients grow without end, their ratios count")
    return "".join(f"\n\n{note}" for note in notes)


def _measures(run: Run) -> list[Line]:
    known = not math.isnan(run.value("bayes_error"))
    rows = "clean rows" if run.fitted.data.outliers.any() else "rows"
    error = f"share of the {'population' if known else rows} that is mislabelled"
    accuracy = f"share of the sample's {rows} with the right label" if known else ""
    words = {"clean_error": error} | WORDS | ({"clean_accuracy": accuracy} if known else {}) | LATER
    return run.lines(words)


WORDS = {
    "bayes_error": "the same of the best rule there is",
    "excess_error": "the difference: what the fit costs beside the best rule",
}

LATER = {
    "balanced_accuracy": "share with the right label, mean over the classes",
    "minority_ap": "how well the scores find the rarest class (1: all first)",
    "direction_error": "angle between the fitted and the true slopes, in degrees",
    "clean_log_loss": "mean -log of the right label's probability",
    "marked_agreement": "share of the outliers to which the fit gives the wrong label that they carry",
    "outlier_ap": "how well the margins find the outliers (1: all first)",
}


def _comparison(run: Run) -> str:
    """How many are mislabelled, by this fit, the reference and the best rule."""
    own, other, best = run.value("clean_error"), run.other("clean_error"), run.value("bayes_error")
    rows = "the population" if not math.isnan(best) else "the clean rows" if run.data.outliers.any() else "the rows"
    text = f"the {run.loss} fit mislabels {share(own)} of {rows}"
    others = [] if _is_reference(run) else [f"{run.compared} {share(other)}"]
    others += [] if math.isnan(best) else [f"the best rule {share(best)}"]
    return ", ".join([text, *others])


def _is_reference(run: Run) -> bool:
    """Whether it is compared with itself."""
    return run.loss == "cross_entropy" and math.isclose(run.value("objective"), run.other("objective"), rel_tol=1e-9)


CLASSIFICATION = Account(_facts, _coefficients, _measures, _comparison)
