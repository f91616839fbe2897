"""Do our estimators have the efficiencies that theory gives them, and the errors that R's have in the same studies?

`python -m experiments.reproduced` draws and fits what is missing (rows are kept under `results/reproduced/`, so that it
can be stopped and goes on), and writes `results/REPRODUCED.md`: every value of the references beside ours, misses
included. The references are in `tests/reference/`: `theory.csv`, `variances.csv` (quadrature), `monte_carlo.csv` (R).
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from experiments.timing import ROOT, table
from robustfit.catalogue import GROUPS, make, spec
from robustfit.cell import Cell
from robustfit.grid import Grid, applied
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, efficiency, mean, median
from robustfit.store import Store
from robustfit.study import Study

REFERENCE = ROOT / "tests" / "reference"
REPORT = ROOT / "results" / "REPRODUCED.md"
ROWS = ROOT / "results" / "reproduced"

WITHIN = 3.0
"""Joint standard errors."""

CHANCE = math.erfc(WITHIN / math.sqrt(2.0))
"""The probability that a normal difference is beyond."""

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much is drawn."""

    n: int = 2000
    """Rows of a sample where the reference is an asymptotic value."""
    theory: int = 2000
    """Replicates there."""
    monte_carlo: int = 4000
    """Replicates where the reference is itself a Monte Carlo study."""
    growth: int = 16
    """How many times larger the samples are in which missed asymptotic values are tried again."""


@dataclass(frozen=True)
class Sample:
    """What a cell's fits missed by: slopes `(K, q)`, intercept `(K,)`; their scales `(K,)`; n rows each."""

    slopes: Array
    intercept: Array
    scale: Array
    n: int

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Sample:
        """The sample of a cell's rows."""
        slopes = np.stack(rows["coef"].to_list()) - np.stack(rows["true_coef"].to_list())
        intercept = (rows["intercept"] - rows["true_intercept"]).to_numpy()
        return cls(slopes, intercept, rows["scale_value"].to_numpy(), int(rows["n_samples"].iloc[0]))

    @property
    def squares(self) -> Array:
        """The sum of the slopes' squared errors, `(K,)`."""
        return np.square(self.slopes).sum(-1)

    @property
    def rows_that_count(self) -> int:
        """n - q - 2, the exact 1 / E[(X'X)^-1] of a slope where q features and an intercept are fitted.

        The features are standard normal: their centred Gram matrix is Wishart's with n - 1 degrees of freedom. It makes
        n Var exact for least squares at any n, and is n in the limit.
        """
        return self.n - self.slopes.shape[1] - 2


QUANTITIES: dict[str, Callable[[Sample, Sample], Estimate]] = {
    "efficiency": lambda ours, ols: efficiency(np.sqrt(ours.squares), np.sqrt(ols.squares)),
    "n Var": lambda ours, _: mean(ours.squares * ours.rows_that_count / ours.slopes.shape[1]),
    "mse_slopes": lambda ours, _: mean(ours.squares),
    "median_sq_slopes": lambda ours, _: median(ours.squares),
    "mse_intercept": lambda ours, _: mean(np.square(ours.intercept)),
    "bias_slope1": lambda ours, _: mean(ours.slopes[:, 0]),
    "median_scale": lambda ours, _: median(ours.scale),
    "mean_log_scale": lambda ours, _: mean(np.log(ours.scale)),
}
"""What is compared, of a cell and of least squares on the same samples."""


@dataclass(frozen=True)
class Target:
    """One value of a reference, and the settings of the cell that should come near it."""

    section: str
    case: str
    estimator: str
    quantity: str
    value: float
    error: float
    """Its standard error; 0 if it is exact, NaN if it is not given."""
    settings: Settings
    ols: Settings
    """Least squares on the same samples."""
    replicates: int = 0
    """Behind the reference, where it is a Monte Carlo value."""


@dataclass(frozen=True)
class Row:
    """A target and what we found."""

    target: Target
    ours: Estimate

    @property
    def theirs(self) -> float:
        """The reference's standard error; where it is not given, ours at its number of replicates."""
        if math.isnan(self.target.error):
            return self.ours.mcse * math.sqrt(self.ours.n / self.target.replicates)
        return self.target.error

    @property
    def difference(self) -> float:
        """Ours minus theirs, in joint standard errors."""
        return (self.ours.value - self.target.value) / math.hypot(self.ours.mcse, self.theirs)

    @property
    def met(self) -> bool:
        """Whether the difference is one that chance explains; not where there is none."""
        return abs(self.difference) <= WITHIN

    def cells(self) -> list[str]:
        """The row of the page's table."""
        target, error = self.target, self.theirs
        reference = f"{target.value:.5g}" + (f" ({error:.2g})" if error else "")
        ours = f"{self.ours.value:.5g} ({self.ours.mcse:.2g})"
        difference = f"{self.difference:+.2f}"
        name = [target.case, target.estimator, target.quantity]
        return [*name, reference, ours, difference if self.met else f"**{difference}**"]


def reference(name: str) -> list[dict[str, str]]:
    """The lines of a file of reference values."""
    lines = (REFERENCE / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


NOISES: dict[str, Settings] = {
    "normal": {"scenario.noise": "normal"},
    "N(0,1)": {"scenario.noise": "normal"},
    "laplace": {"scenario.noise": "laplace", "scenario.noise.sigma": math.sqrt(2.0)},
    "uniform": {"scenario.noise": "uniform", "scenario.noise.sigma": 1 / math.sqrt(3.0)},
} | {f"t{df}": {"scenario.noise": "t", "scenario.noise.df": float(df)} for df in (1, 3, 5)}
"""The names of the references, each with density as they write it."""


def noise(name: str) -> Settings:
    """The settings of an error distribution.

    >>> round(noise("CN(0.1,0,sqrt 10)")["scenario.noise.spread"] ** 2, 9)
    10.0
    """
    if not name.startswith("CN"):
        return NOISES[name]
    eps, shift, spread = name.removeprefix("CN(").removesuffix(")").split(",")
    width = math.sqrt(float(spread.removeprefix("sqrt "))) if "sqrt" in spread else float(spread)
    values = {"eps": float(eps), "shift": float(shift), "spread": round(width, 15)}
    return {"scenario.noise": "contaminated_normal"} | {f"scenario.noise.{key}": value for key, value in values.items()}


def theory(n: int) -> Iterator[Target]:
    """The asymptotic values: efficiencies at the normal, then n Var at other noises, of slopes at a known scale."""
    for row in reference("theory"):
        if row["quantity"] == "efficiency":
            estimator = row["loss"], row["constant"], "1"
            yield theory_target("efficiency", "normal", estimator, float(row["value"]), n)
    for row in reference("variances"):
        estimator = row["loss"], row["constant"], row["scale"]
        yield theory_target("n Var", row["noise"], estimator, float(row["value"]), n)


def theory_target(quantity: str, errors: str, estimator: tuple[str, str, str], value: float, n: int) -> Target:
    """An asymptotic value, of a loss with its constant at a scale: given (`1` or none needed) or the `MAD`."""
    loss, constant, scale = estimator
    shared = {**noise(errors), "scenario.n_samples": n, "scale": "mad" if scale == "MAD" else "fixed"}
    choice = {"loss": loss} | ({f"loss.{parameter(loss)}": float(constant)} if constant else {})
    label = loss + (f"({constant})" if constant else "") + (", MAD" if scale == "MAD" else "")
    section = "efficiency" if quantity == "efficiency" else "mad" if scale == "MAD" else "variance"
    ols = shared | {"loss": "mse", "scale": "fixed"}
    return Target(section, errors, label, quantity, value, 0.0, shared | choice, ols)


@cache
def parameter(loss: str) -> str:
    """The name of a loss's constant.

    >>> parameter("huber")
    'delta'
    """
    return next(key for key in spec("loss", loss) if key != "_target_")


ESTIMATORS: dict[str, Settings] = {
    "ols": {"loss": "mse"},
    "lad": {"loss": "mae"},
    "huber MAD": {"loss": "huber", "scale": "iterated", "scale.consistency": 1 / 0.6745},
    "huber proposal 2": {"loss": "huber", "scale": "proposal2"},
    "bisquare MAD": {"loss": "bisquare", "scale": "iterated", "scale.consistency": 1 / 0.6745},
}
"""R's, all from least squares."""

LEVERAGE = {"name": "placed", "_target_": "experiments.placed.Placed", "x": 10.0, "y": 20.0}


def monte_carlo() -> Iterator[Target]:
    """R's values, of all quantities that exist: least squares has no second moment at t1 errors."""
    for row in reference("monte_carlo"):
        infinite = row["errors"] == "t1" and row["estimator"] == "ols"
        joint = "scale" in ESTIMATORS[row["estimator"]]
        for quantity in QUANTITIES:
            moment = quantity in ("mse_slopes", "mse_intercept", "bias_slope1")
            if quantity not in row or infinite and moment or "scale" in quantity and not joint:
                continue
            yield monte_carlo_target(row, quantity)


def monte_carlo_target(row: Mapping[str, str], quantity: str) -> Target:
    """One of R's values."""
    leverage = row["leverage"] == "1"
    size = {"scenario.n_samples": int(row["n"]), "scenario.n_features": int(row["p"]) - 1}
    shared = {**noise(row["errors"]), **size, "outliers": 0.1 if leverage else 0.0, "initial": "ols", "scale": "fixed"}
    shared |= {"scenario.coef": [0.0] * (int(row["p"]) - 1), "scenario.intercept_value": 0.0}
    case = f"{row['errors']}, n={row['n']}, p={row['p']}" + (", leverage" if leverage else "")
    section = "monte_carlo" if quantity == ("median_sq_slopes" if "t1" in case else "mse_slopes") else "further"
    error = float(row.get(f"se_{quantity}", "nan"))
    settings, ols = shared | ESTIMATORS[row["estimator"]], shared | ESTIMATORS["ols"]
    value, replicates = float(row[quantity]), int(row["reps"])
    return Target(section, case, row["estimator"], quantity, value, error, settings, ols, replicates)


CHOICES = {"scenario": "linear", "contamination": "vertical", "loss": "mse", "solver": "newton"}
CHOICES |= {"scale": "fixed", "initial": "lad", "penalty": "none", "stability": "none"}


@cache
def base() -> dict[str, Any]:
    """The configuration that the settings change: the outliers, where there are any, are R's leverage points."""
    groups = {group: {"name": CHOICES[group], **spec(group, CHOICES[group])} for group in GROUPS}
    return groups | {"contamination": LEVERAGE, "outliers": 0.0, "seed": 0}


def key(settings: Settings) -> str:
    """The digest of the cell of these settings, under which its rows are found."""
    return Cell.from_config(applied(base(), settings)).key


def grid(settings: Sequence[Settings]) -> Grid:
    """One cell for each of the settings; a key that they lack is left as it is.

    >>> grid([{"loss": "mae"}, {"loss": "huber", "loss.delta": 2.0}]).zipped
    [{'loss': ['mae', 'huber'], 'loss.delta': [None, 2.0]}]
    """
    names = dict.fromkeys(name for one in settings for name in one)
    return Grid({}, {}, [{name: [one.get(name) for one in settings] for name in names}])


@dataclass(frozen=True)
class Evidence:
    """What was drawn for some targets: the rows of the page, how many fits, and what was wrong with them."""

    rows: tuple[Row, ...]
    fits: int = 0
    failed: int = 0
    unproved: int = 0
    """Fits of convex losses without a certificate."""


def measured(name: str, targets: Sequence[Target], replicates: int, path: Path, engine: Any) -> Evidence:
    """Draw and fit what is missing for the targets, and compare."""
    wanted = {key(part): part for one in targets for part in (one.settings, one.ols)}
    study = Study.of(name, grid(list(wanted.values())), base(), replicates, Store(path / name), consent=False)
    if failures := run(study, engine):
        raise SystemExit(f"{len(failures)} blocks of {name} failed, such as: {failures[0].reason}")
    samples, counts = {}, np.zeros(3, dtype=int)
    for rows in study.tables():
        samples |= {cell: Sample.of(part) for cell, part in rows.groupby("cell")}
        counts += tally(rows)
    pairs = ((one, samples[key(one.settings)], samples[key(one.ols)]) for one in targets)
    found = [Row(one, QUANTITIES[one.quantity](ours, ols)) for one, ours, ols in pairs]
    return Evidence(tuple(found), *(int(count) for count in counts))


def run(study: Study, engine: Any) -> list[Any]:
    """Compute the study's missing blocks, with a progress bar on a terminal."""
    cells = sum(len(unit.configs) for unit in study.missing())
    with tqdm(total=cells, unit="cell blocks", desc=study.name, disable=not (cells and sys.stderr.isatty())) as bar:
        return study.run(engine, lambda block: bar.update(len(getattr(block, "cells", ()))))


def tally(rows: pd.DataFrame) -> Array:
    """Fits, failed ones, and those of convex losses that are not certified."""
    convex = rows["loss"].map({loss: make("loss", loss).convex for loss in rows["loss"].unique()}).astype(bool)
    failed = (rows["error"] != "") | (rows["status"] == "failed")
    return np.array([len(rows), failed.sum(), (convex & ~rows["certified"].astype(bool)).sum()])


SECTIONS = {
    "larger": (
        "Misses of theory, again in larger samples",
        "New samples, so a miss by chance should not come back, and what finite samples leave should shrink.",
    ),
    "efficiency": (
        "Efficiency at the normal, scale known",
        "Mean squared error of the slopes of least squares over that of the loss, in the same samples; theory: "
        "(E psi')^2 / E psi^2.",
    ),
    "variance": (
        "n Var at other noises, scale 1",
        "(n - q - 2) times the mean squared error of a slope, q = 3 features: exact for least squares at every n. "
        "Theory: E psi^2 / (E psi')^2, and tau (1 - tau) / f^2 for quantiles.",
    ),
    "mad": (
        "n Var at other noises, scale the MAD of the residuals of LAD",
        "As before; theory takes the MAD of the noise, which the estimated one tends to.",
    ),
    "monte_carlo": (
        "R's Monte Carlo: mean of the slopes' squared errors",
        "Median at t1 errors, where least squares has no mean. The standard error of a median that R's table does not "
        "give is taken to be ours at its number of replicates.",
    ),
    "further": (
        "R's Monte Carlo: further quantities",
        "Median of the slopes' squared errors (the mean at t1), the intercept's mean squared error, bias of the first "
        "slope, and the scales that are estimated with the fit.",
    ),
}

HEAD = ["case", "estimator", "quantity", "reference (SE)", "robustfit (MCSE)", "difference / SE"]


def page(evidence: Sequence[Evidence], sizes: Sizes) -> str:
    """The whole report."""
    rows = [row for one in evidence for row in one.rows]
    misses = [row for row in rows if not row.met]
    lines = ["# Values of others, reproduced", "", *opening(evidence, sizes), "", *overview(rows), "", "## Misses", ""]
    lines += table(HEAD, [row.cells() for row in misses]) if misses else ["None."]
    for section, (title, words) in SECTIONS.items():
        found = [row.cells() for row in rows if row.target.section == section]
        lines += ["", f"## {title}", "", words, "", *table(HEAD, found)] if found else []
    return "\n".join(lines) + "\n"


def opening(evidence: Sequence[Evidence], sizes: Sizes) -> list[str]:
    """What was done, and what came out in all."""
    rows = [row for one in evidence for row in one.rows if row.target.section != "larger"]
    fits, failed, unproved = (sum(getattr(one, name) for one in evidence) for name in ("fits", "failed", "unproved"))
    return [
        "Written by `python -m experiments.reproduced`; nothing is written by hand.",
        "",
        f"- {sum(row.met for row in rows)} of {len(rows)} values agree within {WITHIN:g} joint standard errors. If all "
        f"were right and normal, {CHANCE * len(rows):.1f} would not, by chance alone.",
        f"- {fits:,} fits; {failed:,} failed; {unproved:,} of convex losses without a certificate.",
        f"- Theory: n={sizes.n}, 3 standard normal features and an intercept, {sizes.theory:,} replicates. Its values "
        "are limits in n. What remains at this n is of the order 1/n, but 1/sqrt(n) for MAE at Laplace errors, whose "
        f"density has a corner at the median: n Var = 1 + {corner(3):.2f} / sqrt(n) + O(1/n) for these slopes, "
        f"{1 + corner(3) / math.sqrt(sizes.n):.3f} at n={sizes.n}.",
        f"- R's Monte Carlo: {sizes.monte_carlo:,} replicates against its 1,000, at its own n and p, features standard "
        "normal, all coefficients 0; each error contaminated independently; where it says leverage, n/10 rows have "
        "x1 = 10, y = 20. Quantities of one case share their samples, so their differences go together.",
    ]


def overview(rows: Sequence[Row]) -> list[str]:
    """One line per section: how many values, how many agree, and how large the differences are together."""
    lines = []
    for section, (title, _) in SECTIONS.items():
        found = [row for row in rows if row.target.section == section]
        if found:
            sizes = np.array([row.difference for row in found])
            within = f"{sum(row.met for row in found)} of {len(found)}"
            lines.append([title, within, f"{np.sqrt(np.square(sizes).mean()):.2f}", f"{np.abs(sizes).max():.2f}"])
    head = ["section", f"within {WITHIN:g}", "root mean square difference / SE (1 expected)", "largest"]
    return table(head, lines)


def evidence(sizes: Sizes, path: Path, engine: Any) -> list[Evidence]:
    """Everything that the page shows."""
    asymptotic = measured("theory", list(theory(sizes.n)), sizes.theory, path, engine)
    published = measured("monte_carlo", list(monte_carlo()), sizes.monte_carlo, path, engine)
    missed = [larger(row.target, sizes.growth * sizes.n) for row in asymptotic.rows if not row.met]
    again = [measured("larger", missed, sizes.theory, path, engine)] if missed else []
    return [asymptotic, published, *again]


def corner(q: int) -> float:
    """c of n Var = 1 + c / sqrt(n) + O(1/n), for slopes of MAE at Laplace errors, q normal features and an intercept.

    The density has a corner at the median: E sign(e - t) = -t + t abs(t) / 2 + O(t^3) has a quadratic term. With it the
    estimate is d + E[x x'd abs(x'd)] / 2 where d is its linear part, N(0, I / n), so that by Stein's identity
    c = (2 / q) sqrt(2 / pi) E[R sqrt(1 + R)], R chi-squared with q degrees of freedom.

    >>> round(corner(3), 2)
    3.78
    """
    from scipy.stats import chi2

    return 2 / q * math.sqrt(2 / math.pi) * float(chi2(q).expect(lambda r: r * np.sqrt(1 + r)))


def larger(target: Target, n: int) -> Target:
    """The same target in samples of n rows: what finite samples leave should shrink."""
    size = {"scenario.n_samples": n}
    case = f"{target.case}, n={n}"
    return replace(target, section="larger", case=case, settings=target.settings | size, ols=target.ols | size)


def main() -> None:
    """Run what is missing and write the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--engine", default="serial", help="where the fits run: serial (default) or dask")
    engine = make("engine", parser.parse_args().engine)
    sizes = Sizes()
    REPORT.write_text(page(evidence(sizes, ROWS, engine), sizes), encoding="utf-8")
    print(f"Written to {REPORT.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
