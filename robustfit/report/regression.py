"""How a run with numbers as targets is told."""

from __future__ import annotations

import math

import numpy as np

from robustfit.report import account
from robustfit.report.account import Account, Line, Run
from robustfit.report.tables import number


def outliers(run: Run) -> str:
    """What spoils how many rows."""
    marked, n = int(run.fitted.data.outliers[0].sum()), run.fitted.data.outliers.shape[-1]
    return f"{run.settings['contamination']}, {marked} of {n} rows" if marked else "none"


def _facts(run: Run) -> list[tuple[str, str]]:
    return [("outliers", outliers(run))]


def _coefficients(run: Run) -> str:
    """The fits, and beside the truth what this loss estimates of it, where that is something else."""
    data, shown = run.fitted.data, account.fits(run)
    target = run.value("target_intercept")
    if data.truth is not None and data.intercept and not math.isnan(target) and target != data.truth.coef[0]:
        shown.insert(1, ("target", np.concatenate([[target], data.truth.coef[1:]])))
    return account.columns(run, shown)


def _measures(run: Run) -> list[Line]:
    clean = "error on the uncorrupted targets" if run.fitted.data.outliers.any() else "error on the targets"
    return [
        *run.lines({"surface_error": "distance from the target surface, in units of y", "clean_rmse": clean}),
        ("scale", number(run.value("scale_value")), "width of the errors in whose units the loss counts"),
        *run.lines(WORDS),
    ]


WORDS = {
    "instability": "change of the fit per unit of a small move of one entry of X, mean over sampled ones",
    "jump_size": "largest jump of a fitted value as one sampled entry moves, in sigma",
    "jump_distance": "how far off the nearest jump of a sampled entry is, in spreads of its column",
    "solution_width": "0: the optimum is unique",
    "outlier_ap": "how well the residuals find the outliers (1: all first)",
}


def _comparison(run: Run) -> str:
    own, other = run.value("surface_error"), run.other("surface_error")
    if math.isnan(own) or math.isnan(other):
        shift = float(np.sqrt(np.square(run.fitted.fit.coef[0] - run.reference.coef[0]).sum()))
        return f"the {run.loss} fit differs from {run.compared} by {number(shift)} in the coefficients"
    if own == other or run.loss == "mse" or not _same_target(run):
        return f"the {run.loss} fit misses what it estimates, its target surface, by {number(own)}"
    nearer, ratio = own < other, other / own if own < other else own / other
    side = "nearer to" if nearer else "farther from"
    return f"the {run.loss} fit is {ratio:.3g} times {side} the target than {run.compared}"


def _same_target(run: Run) -> bool:
    """Whether the loss and the reference estimate the same surface."""
    return not run.fitted.data.intercept or run.value("target_intercept") == run.other("target_intercept")


REGRESSION = Account(_facts, _coefficients, _measures, _comparison)
