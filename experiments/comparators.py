"""The same fits by what people use today: scikit-learn, statsmodels, SciPy and R's quantreg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import HuberRegressor, QuantileRegressor

from experiments.timing import Measure, Side, clocked, installed
from robustfit.linalg import Array

DELTA = 1.345

SCIKIT_HUBER = "scikit-learn HuberRegressor"
SCIKIT_MAE = "scikit-learn QuantileRegressor"
STATSMODELS_HUBER = "statsmodels RLM"
STATSMODELS_MAE = "statsmodels QuantReg"
SCIPY_HUBER = "SciPy L-BFGS-B"
R_BR = "R quantreg rq.fit.br"
R_PFN = "R quantreg rq.fit.pfn"
NORMAL = "normal equations"

HOW = {
    SCIKIT_HUBER: (
        "epsilon=1.345, alpha=0, defaults tol=1e-5, max_iter=100; estimates the scale with the fit, which cannot be "
        "turned off: its excess is at its own scale"
    ),
    SCIKIT_MAE: "quantile=0.5, alpha=0, HiGHS with its default tolerances",
    STATSMODELS_HUBER: "HuberT(1.345), scale held at 1, default tol=1e-8; computes standard errors too",
    STATSMODELS_MAE: "q=0.5, default p_tol=1e-6; computes standard errors too",
    SCIPY_HUBER: "mean loss and gradient in NumPy, from least squares, default ftol=2.2e-9 and gtol=1e-5",
    R_BR: "tau=0.5, exact simplex; R's own clock, data already in R, R's own BLAS",
    R_PFN: "tau=0.5, default eps=1e-6; R's own clock, data already in R, R's own BLAS",
    NORMAL: "np.linalg.solve(X.T @ X, X.T @ y): another problem, the yardstick",
}
"""What each comparator is asked to do."""


@dataclass(frozen=True)
class Answer:
    """What a side found: coefficients `(*batch, p)`, and the scale that they are the fit of."""

    coef: Array
    scale: Array | float = 1.0


One = Callable[[Array, Array], tuple[Array, float]]
"""Fits one sample: the coefficients and the scale that they are the fit of."""


def scikit_huber(X: Array, y: Array) -> tuple[Array, float]:
    """scikit-learn's Huber fit; X without the column of ones."""
    model = HuberRegressor(epsilon=DELTA, alpha=0.0).fit(X, y)
    return np.concatenate([[model.intercept_], model.coef_]), float(model.scale_)


def scikit_mae(X: Array, y: Array) -> tuple[Array, float]:
    """scikit-learn's median regression; X without the column of ones."""
    model = QuantileRegressor(quantile=0.5, alpha=0.0).fit(X, y)
    return np.concatenate([[model.intercept_], model.coef_]), 1.0


def statsmodels_huber(X: Array, y: Array) -> tuple[Array, float]:
    """statsmodels' IRLS at scale 1."""
    from statsmodels.robust.norms import HuberT
    from statsmodels.robust.robust_linear_model import RLM

    return RLM(y, X, M=HuberT(DELTA)).fit(start_scale=1.0, update_scale=False).params, 1.0


def statsmodels_mae(X: Array, y: Array) -> tuple[Array, float]:
    """statsmodels' median regression, by reweighting."""
    from statsmodels.regression.quantile_regression import QuantReg

    return QuantReg(y, X).fit(q=0.5).params, 1.0


def scipy_huber(X: Array, y: Array) -> tuple[Array, float]:
    """SciPy's L-BFGS-B on the mean loss at scale 1."""

    def objective(coef: Array) -> tuple[float, Array]:
        residuals = y - X @ coef
        near = np.clip(residuals, -DELTA, DELTA)
        return float((near * (residuals - 0.5 * near)).mean()), -(near @ X) / len(y)

    start = np.linalg.solve(X.T @ X, X.T @ y)
    return minimize(objective, start, jac=True, method="L-BFGS-B").x, 1.0


def normal_equations(X: Array, y: Array) -> Answer:
    """Least squares."""
    return Answer(np.asarray(np.linalg.solve(X.T @ X, X.T @ y), dtype=np.float64))


def one_by_one(fit: One, X: Array, y: Array) -> Answer:
    """A loop over the members of a batch; warnings are not shown, since the answers are measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [fit(rows, targets) for rows, targets in zip(X, y, strict=True)]
    return Answer(np.stack([coef for coef, _ in found]), np.array([scale for _, scale in found]))


PYTHON = {
    SCIKIT_HUBER: scikit_huber,
    SCIKIT_MAE: scikit_mae,
    STATSMODELS_HUBER: statsmodels_huber,
    STATSMODELS_MAE: statsmodels_mae,
    SCIPY_HUBER: scipy_huber,
}

WITHOUT_ONES = (SCIKIT_HUBER, SCIKIT_MAE)
"""Those that add the column of ones themselves."""

R_FUNCTIONS = {R_BR: "rq.fit.br", R_PFN: "rq.fit.pfn"}


def sides(names: tuple[str, ...], X: Array, y: Array, subset: int) -> list[Side]:
    """The comparators that are there; loops in Python make the first `subset` fits of the batch only."""
    made = [_python(name, X, y, subset) for name in names if name in PYTHON and _there(name)]
    return made + [_r(name, X, y) for name in names if name in R_FUNCTIONS and quantreg()]


def _there(name: str) -> bool:
    return not name.startswith("statsmodels") or bool(installed("statsmodels"))


def _python(name: str, X: Array, y: Array, subset: int) -> Side:
    share = min(1.0, subset / len(y))
    rows = np.ascontiguousarray(X[:subset, :, 1:]) if name in WITHOUT_ONES else X[:subset]
    return Side(name, clocked(partial(one_by_one, PYTHON[name], rows, y[:subset])), HOW[name], share)


def _r(name: str, X: Array, y: Array) -> Side:
    return Side(name, r_measure(R_FUNCTIONS[name], X, y), HOW[name])


R_FITS = """
suppressPackageStartupMessages(library(quantreg))
arguments <- commandArgs(TRUE)
input <- file(arguments[2], "rb")
shape <- readBin(input, "integer", 3)
problems <- lapply(seq_len(shape[1]), function(i) list(
  X = matrix(readBin(input, "double", shape[2] * shape[3]), shape[2]), y = readBin(input, "double", shape[2])))
close(input)
fit <- get(arguments[1], asNamespace("quantreg"))
set.seed(1)
seconds <- system.time(
  coef <- vapply(problems, function(one) as.numeric(fit(one$X, one$y, tau = 0.5)$coefficients), numeric(shape[3])),
  gcFirst = TRUE)[["elapsed"]]
output <- file(arguments[3], "wb")
writeBin(c(seconds, as.numeric(coef)), output)
close(output)
"""

R_VERSIONS = """
cat("R", paste(R.version$major, R.version$minor, sep = "."), "quantreg", format(packageVersion("quantreg")))
"""


@cache
def quantreg() -> str:
    """The versions of R and of its package quantreg; empty where one is not there."""
    if shutil.which("Rscript") is None:
        return ""
    done = subprocess.run(["Rscript", "-e", R_VERSIONS], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def r_measure(function: str, X: Array, y: Array) -> Measure:
    """A measure of a function of R's quantreg over a batch, by R's own clock: reading the data does not count."""

    def measure() -> tuple[float, Answer]:
        with tempfile.TemporaryDirectory() as folder:
            script, data, result = (Path(folder) / name for name in ("fits.R", "data", "result"))
            script.write_text(R_FITS, encoding="utf-8")
            _write_for_r(data, X, y)
            subprocess.run(["Rscript", str(script), function, str(data), str(result)], check=True, capture_output=True)
            seconds, *coef = np.fromfile(result)
        return float(seconds), Answer(np.reshape(coef, (len(y), -1)))

    return measure


def _write_for_r(path: Path, X: Array, y: Array) -> None:
    """Shape, then each design column by column with its targets."""
    with path.open("wb") as file:
        np.array(X.shape, dtype=np.int32).tofile(file)
        for rows, targets in zip(X, y, strict=True):
            np.ascontiguousarray(rows.T).tofile(file)
            targets.tofile(file)
