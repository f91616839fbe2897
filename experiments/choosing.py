"""Which loss, if I know what may be wrong with my data? a guide, written with the report of the claims.

For each kind of contamination: what each loss costs when the data are clean, what it saves when they are not, and how
far both are from an oracle, least squares on the rows that were not spoilt. Every number is from a study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from robustfit.catalogue import make
from robustfit.claims import Picture
from robustfit.claims_report import Heading, Image, Part, Table, Text, drawn, markdown
from robustfit.errors import RobustfitError
from robustfit.grid import Grid
from robustfit.laboratory import Experiment, Laboratory
from robustfit.linalg import Array
from robustfit.montecarlo import Estimate, ratio
from robustfit.panels import scales, style
from robustfit.report import number, with_error
from robustfit.store import folder

LOSSES = ("mse", "mae", "huber", "log_cosh", "cauchy", "bisquare", "welsch")

FRACTIONS = (0.05, 0.1, 0.2, 0.3)

SHOWN = 0.1
"""The fraction that the summary is about."""

ONE = 0.01
"""One row of the hundred."""

DISTANCES = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Of one bad row in a hundred, in widths of the feature."""

ESTIMATOR = {"scale": "mad", "initial": "lad", "solver": "newton", "scenario.n_samples": 100, "scenario.n_features": 3}
"""robustfit's defaults: the scale is the MAD of the LAD fit, where the solver starts, too."""

HOME = "robustfit.contaminations"

SPOILT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "one_sided": (
        "Wrong targets, all too high (by 10 standard deviations)",
        {"_target_": f"{HOME}.vertical.Vertical", "shift": 10.0},
    ),
    "two_sided": (
        "Wrong targets, too high or too low (by 10 standard deviations)",
        {"_target_": f"{HOME}.vertical.Vertical", "shift": 10.0, "symmetric": True},
    ),
    "good_leverage": (
        "Good leverage: rows far out in a feature (10 widths) whose targets are right",
        {"_target_": f"{HOME}.good_leverage.GoodLeverage"},
    ),
    "bad_leverage": (
        "Bad leverage: rows far out in a feature (10 widths) with wrong targets (20 standard deviations off)",
        {"_target_": f"{HOME}.bad_leverage.BadLeverage"},
    ),
    "cluster": (
        "A cluster: the same wrong row many times (10 widths out, 20 standard deviations off)",
        {"_target_": f"{HOME}.cluster.Cluster"},
    ),
}
"""Kinds of contamination: what is wrong, and how it is made."""

NAMES = {"one_sided": "wrong targets, one side", "two_sided": "wrong targets, both sides"}
"""Short names, where the kind's own will not do."""

HEAVY = {"t": "Student's t with 3 degrees of freedom", "laplace": "Laplace"}
"""Errors with heavy tails, where no row is wrong."""


def _spoilt(name: str) -> dict[str, Any]:
    return {"name": name, **SPOILT[name][1]}


def _far(distance: float) -> dict[str, Any]:
    """A row that would turn the slope by 3: off the surface in proportion to how far out it is."""
    place = {"distance": distance, "shift": -3.0 * distance, "spread": 0.0}
    return {"name": "bad_leverage", "_target_": f"{HOME}.bad_leverage.BadLeverage", **place}


def _experiment(name: str, settings: Mapping[str, Any], axes: Mapping[str, Any]) -> Experiment:
    return Experiment(name, Grid({**ESTIMATOR, **settings}, axes), replicates=512, quick=64)


REMOVED = {"loss": "mse", "contamination": {"name": "removed", "_target_": "experiments.removed.Removed"}}

ALL = {"loss": list(LOSSES)}

CLEAN = _experiment("choosing_clean", {}, ALL)
STUDY = _experiment("choosing", {}, {**ALL, "contamination": [*map(_spoilt, SPOILT)], "outliers": list(FRACTIONS)})
ORACLE = _experiment("choosing_oracle", REMOVED, {"outliers": [ONE, *FRACTIONS]})
TAILS = _experiment("choosing_tails", {}, {**ALL, "scenario.noise": list(HEAVY)})
FAR = _experiment("choosing_far", {"outliers": ONE}, {**ALL, "contamination": [*map(_far, DISTANCES)]})


# --- numbers


Samples = Mapping[tuple[Any, ...], Array]
"""`surface_error` by replicate, for each cell of a study."""


@dataclass(frozen=True)
class Errors:
    """What every loss and the oracle err, by replicate: the same clean samples throughout."""

    clean: Samples
    """By loss."""
    spoilt: Samples
    """By loss, kind of contamination and fraction."""
    oracle: Samples
    """By fraction."""
    tails: Samples
    """By loss and noise."""
    far: Samples
    """By loss and distance of the one bad row."""

    @classmethod
    def of(cls, lab: Laboratory) -> Errors:
        """From the rows of the studies."""
        return cls(
            _samples(lab.rows(CLEAN), "loss"),
            _samples(lab.rows(STUDY), "loss", "contamination", "outliers"),
            _samples(lab.rows(ORACLE), "outliers"),
            _samples(lab.rows(TAILS), "loss", "scenario.noise"),
            _samples(lab.rows(FAR), "loss", "contamination.distance"),
        )

    def cost(self, loss: str) -> Estimate:
        """The error on clean data over that of least squares."""
        return ratio(self.clean[loss,], self.clean["mse",])

    def times(self, loss: str, kind: str, fraction: float) -> Estimate:
        """The error over the oracle's."""
        return ratio(self.spoilt[loss, kind, fraction], self.oracle[fraction,])

    def saved(self, loss: str, kind: str, fraction: float) -> Estimate:
        """The error over that of least squares."""
        return ratio(self.spoilt[loss, kind, fraction], self.spoilt["mse", kind, fraction])

    def heavy(self, loss: str, noise: str) -> Estimate:
        """The error over that of least squares."""
        return ratio(self.tails[loss, noise], self.tails["mse", noise])

    def distant(self, loss: str, distance: float) -> Estimate:
        """The error with one bad row so far out, over the oracle's."""
        return ratio(self.far[loss, distance], self.oracle[ONE,])

    def best(self, kind: str, fraction: float, losses: Sequence[str] = LOSSES) -> str:
        """The loss with the least error."""
        return min(losses, key=lambda loss: self.times(loss, kind, fraction).value)

    def worst(self, loss: str, kinds: Sequence[str]) -> tuple[str, Estimate]:
        """The kind of contamination that hurts a loss most at the fraction of the summary, and its error there."""
        kind = max(kinds, key=lambda kind: self.times(loss, kind, SHOWN).value)
        return kind, self.times(loss, kind, SHOWN)


def _samples(rows: pd.DataFrame, *settings: str) -> Samples:
    """The errors of each cell, in the order of its replicates; the settings must tell the cells apart."""
    groups = rows.sort_values("replicate").groupby(list(settings))
    if (groups["cell"].nunique() > 1).any():
        raise RobustfitError(f"{', '.join(settings)} do not tell the cells apart")
    return {key: part.to_numpy(float) for key, part in groups["surface_error"]}


CONVEX = tuple(loss for loss in LOSSES if make("loss", loss).convex)
OTHERS = tuple(loss for loss in LOSSES if loss not in CONVEX)


# --- words


def guide(errors: Errors) -> list[Part]:
    """The whole guide."""
    return [
        Heading(1, "Choosing a loss"),
        Text("Written by `python -m experiments claims=all`; every number is computed."),
        Text(SETTING),
        *_summary(errors),
        *_prices(errors),
        *(part for kind in SPOILT for part in _kind(errors, kind)),
        *_tails(errors),
        *_limits(errors),
        _image(errors),
    ]


SETTING = (
    "100 rows, an intercept and three normal features, normal errors. Error: `surface_error`, the distance from the "
    f"true surface, in the mean over {STUDY.replicates} samples. The oracle is least squares on the rows that were "
    "not spoilt; who has to find the bad rows cannot be expected to do better (where spoilt rows help, their error "
    "is below the oracle's, which does without them). Scale: the MAD of the LAD fit, from where the solver starts; "
    "tuning constants: robustfit's defaults. In brackets: the Monte Carlo standard error; all ratios are paired, "
    "since every loss meets the same samples. Losses that differ by less than that are as good as each other, "
    "whichever is named."
)


def _summary(errors: Errors) -> list[Part]:
    header = [
        "what may be wrong",
        "best loss",
        "its error / oracle's",
        "its error / least squares', clean",
        "least squares / oracle's",
    ]
    lines = []
    for kind, (title, _) in SPOILT.items():
        loss = errors.best(kind, SHOWN)
        name = f"none copes ({loss})" if kind in _beyond(errors) else loss
        least = _shown(errors.times("mse", kind, SHOWN))
        lines.append([title, name, _shown(errors.times(loss, kind, SHOWN)), _shown(errors.cost(loss)), least])
    within = tuple(kind for kind in SPOILT if kind not in _beyond(errors))
    safest = min(LOSSES, key=lambda loss: errors.worst(loss, within)[1].value)
    kind, error = errors.worst(safest, within)
    words = (
        f"If you do not know which of them you have, {safest} is the safest choice here: of the kinds that any loss "
        f"copes with (less than {LIMIT:g} times the oracle's error), {_name(kind)} is its worst, with {_shown(error)} "
        f"times, and it costs {_shown(errors.cost(safest))} times the error of least squares where nothing is wrong."
    )
    return [Heading(2, "In short"), Table(header, lines, f"With {_percent(SHOWN)} of the rows spoilt"), Text(words)]


LIMIT = 2.0
"""A loss whose error is more than so many times the oracle's has not coped."""


def _beyond(errors: Errors) -> list[str]:
    """The kinds that no loss copes with at the fraction of the summary."""
    return [kind for kind in SPOILT if errors.times(errors.best(kind, SHOWN), kind, SHOWN).value > LIMIT]


def _prices(errors: Errors) -> list[Part]:
    lines = [[loss, _shown(errors.cost(loss)), "yes" if loss in CONVEX else "no"] for loss in LOSSES]
    dearest = max(LOSSES, key=lambda loss: errors.cost(loss).value)
    robust = [loss for loss in LOSSES if loss not in ("mse", dearest)]
    least, most = (end(errors.cost(loss).value for loss in robust) for end in (min, max))
    words = (
        f"The dearest is {dearest}: {_shown(errors.cost(dearest))} times the error of least squares. The other robust "
        f"losses cost {number(100 * (least - 1), 2)} to {number(100 * (most - 1), 2)} % with their default constants, "
        "less than one usually knows of one's errors."
    )
    header = ["loss", "error over that of least squares", "convex"]
    return [Heading(2, "What it costs when the data are clean"), Table(header, lines), Text(words)]


def _kind(errors: Errors, kind: str) -> list[Part]:
    header = ["loss", *(_percent(fraction) for fraction in FRACTIONS), f"over least squares at {_percent(SHOWN)}"]
    lines = [
        [
            loss,
            *(_shown(errors.times(loss, kind, fraction)) for fraction in FRACTIONS),
            _shown(errors.saved(loss, kind, SHOWN)),
        ]
        for loss in LOSSES
    ]
    best, convex = errors.best(kind, SHOWN), errors.best(kind, SHOWN, CONVEX)
    others = (
        "" if best == convex else f"of the convex losses {convex}, with {_shown(errors.times(convex, kind, SHOWN))}; "
    )
    words = (
        f"At {_percent(SHOWN)} {best} comes nearest to the oracle, with {_shown(errors.times(best, kind, SHOWN))} "
        f"times its error; {others}least squares has {_shown(errors.times('mse', kind, SHOWN))}."
    )
    title = "Error in units of the oracle's, by the fraction of spoilt rows"
    return [Heading(2, SPOILT[kind][0]), Table(header, lines, title), Text(words)]


def _tails(errors: Errors) -> list[Part]:
    lines = [[loss, *(_shown(errors.heavy(loss, noise)) for noise in HEAVY)] for loss in LOSSES]
    words = "; ".join(
        f"{title}: {best} does best, {_shown(errors.heavy(best, noise))} times the error of least squares"
        for noise, title in HEAVY.items()
        for best in [min(LOSSES, key=lambda loss, noise=noise: errors.heavy(loss, noise).value)]  # type: ignore[misc]
    )
    title = "Error over that of least squares"
    return [
        Heading(2, "Errors with heavy tails, no row wrong"),
        Table(["loss", *HEAVY.values()], lines, title),
        Text(words + "."),
    ]


def _limits(errors: Errors) -> list[Part]:
    header = ["loss", *(f"{distance:g} widths" for distance in DISTANCES)]
    lines = [[loss, *(_shown(errors.distant(loss, distance)) for distance in DISTANCES)] for loss in LOSSES]
    convex, redescending = (
        [_best_at(errors, losses, distance) for distance in DISTANCES] for losses in (CONVEX, OTHERS)
    )
    widest = max(range(len(DISTANCES)), key=lambda i: convex[i][0] / redescending[i][0])
    words = (
        "A convex loss cannot ignore a row: a row pulls with the slope of the loss times how far out it is, and the "
        "slope of a convex loss never falls again. One bad row among a hundred is enough: "
        f"{_at(DISTANCES[widest], convex[widest], redescending[widest])}; "
        f"{_at(DISTANCES[-1], convex[-1], redescending[-1])}."
    )
    kind = "bad_leverage"
    shares = [FRACTIONS[0], SHOWN]
    found = [[errors.best(kind, share, losses) for losses in (CONVEX, OTHERS)] for share in shares]
    after = "; ".join(
        f"with {_percent(share)} of the rows bad leverage points {both[0]} errs "
        f"{_shown(errors.times(both[0], kind, share))} times as much and {both[1]} "
        f"{_shown(errors.times(both[1], kind, share))} times"
        for share, both in zip(shares, found, strict=True)
    )
    after = (
        f"{after[0].upper()}{after[1:]}. A redescending loss can ignore bad leverage points as long as the LAD fit "
        "that it starts from is not theirs already: look at the features before the residuals, and fit with and "
        "without rows that are far out."
    )
    title = "One bad row of a hundred, off the surface in proportion to its distance: error in units of the oracle's"
    return [Heading(2, "What no convex loss can do"), Table(header, lines, title), Text(words), Text(after)]


def _best_at(errors: Errors, losses: Sequence[str], distance: float) -> tuple[float, str]:
    """The least error at a distance, and whose."""
    return min((errors.distant(loss, distance).value, loss) for loss in losses)


def _at(distance: float, convex: tuple[float, str], redescending: tuple[float, str]) -> str:
    return (
        f"{distance:g} widths out it makes the best convex loss ({convex[1]}) err {number(convex[0])} times as much "
        f"as the oracle, and the best redescending one ({redescending[1]}) {number(redescending[0])} times"
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:g} %"


def _shown(estimate: Estimate) -> str:
    return with_error(estimate.value, estimate.mcse)


def _name(kind: str) -> str:
    return NAMES.get(kind, kind.replace("_", " "))


# --- picture


def _image(errors: Errors) -> Part:
    caption = "Error in units of the oracle's against the fraction of spoilt rows, for each kind of contamination."
    return Image(drawn(Picture(caption, lambda figure: _draw(figure, errors), 9.0, 6.2)), "choosing.png", caption)


def _draw(figure: Any, errors: Errors) -> None:
    panels = list(figure.subplots(2, 3, sharex=True, sharey=True).flat)
    shown = []
    for axes, kind in zip(panels, SPOILT, strict=False):
        for loss in LOSSES:
            look = style(loss)
            shown.append([errors.times(loss, kind, fraction).value for fraction in FRACTIONS])
            line = {"color": look.color, "ls": look.dashes, "marker": look.marker, "ms": 4, "lw": 1.4}
            axes.plot(FRACTIONS, shown[-1], label=loss.replace("_", " "), **line)
        axes.set(title=_name(kind), xlabel="fraction of spoilt rows")
        axes.tick_params(labelbottom=True)
    scales(panels[:-1], [0.0], shown)
    for axes in panels[::3]:
        axes.set_ylabel("error / oracle's")
    panels[-1].axis("off")
    panels[-1].legend(*panels[0].get_legend_handles_labels(), loc="center", frameon=False)


# --- file


def write(lab: Laboratory, path: Path) -> list[Path]:
    """Write CHOOSING.md and its figure; each whole or not at all.

    Raises:
        RobustfitError: rows are missing, or the folder cannot be written to.
    """
    parts = guide(Errors.of(lab))
    with folder(path) as draft:
        (draft / "CHOOSING.md").write_text(markdown(parts), encoding="utf-8")
    with folder(path / "figures") as draft:
        for part in parts:
            if isinstance(part, Image):
                (draft / part.name).write_bytes(part.png)
    return [path / "CHOOSING.md", path / "figures" / "choosing.png"]
