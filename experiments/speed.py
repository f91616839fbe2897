"""How fast is robustfit beside what people use today, and what does a fit cost in memory and overhead?

`python -m experiments.speed` measures every row in one run on one machine and writes `results/SPEED.md`. The sides of
a row take turns (A B A B ...), each turn gives one ratio, and the median of the ratios is held against the target. All
sides get the same data; how far each answer is from the least objective is measured against a proven lower bound.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import HuberRegressor, LinearRegression
from threadpoolctl import threadpool_limits

from experiments import comparators
from experiments.comparators import DELTA, NORMAL, Answer, quantreg
from experiments.timing import (
    ROOT,
    Row,
    Section,
    Side,
    Taken,
    Target,
    against,
    clocked,
    environment,
    in_turn,
    load_average,
    page,
    ratio,
    say,
    table,
    time_table,
)
from robustfit import RobustRegressor, linalg
from robustfit.catalogue import make
from robustfit.cell import Cell
from robustfit.certificates import CERTIFIED, certify
from robustfit.contaminations.vertical import Vertical
from robustfit.data import Data, Streams
from robustfit.estimators.m import M
from robustfit.linalg import Array
from robustfit.losses.base import ResidualLoss
from robustfit.losses.huber import Huber
from robustfit.losses.mae import MAE
from robustfit.problem import Problem
from robustfit.scales.fixed import Fixed
from robustfit.scenarios.linear import Linear
from robustfit.solvers.newton import Newton

REPORT = ROOT / "results" / "SPEED.md"
OUTLIERS = 0.1


@dataclass(frozen=True)
class Sizes:
    """How large the work is, and how often it is done."""

    fits: int = 10_000
    subset: int = 500
    """How many of the fits a loop in Python makes; its seconds are scaled up to all of them."""
    n_small: int = 200
    p_small: int = 3
    n_large: int = 1_000_000
    p_large: int = 20
    growth_n: tuple[int, ...] = (10_000, 31_623, 100_000, 316_228, 1_000_000, 3_162_278, 10_000_000)
    p_growth: int = 5
    growth_fits: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000)
    n_single: int = 50
    p_single: int = 3
    single_fits: int = 300
    turns: int = 7
    """Turns of the quick rows."""
    long_turns: int = 5
    """Turns of the rows in which a turn takes most of a minute."""


FULL = Sizes()
QUICK = Sizes(
    fits=1_000, subset=50, n_large=100_000, single_fits=100, turns=3, long_turns=3,
    growth_n=(10_000, 31_623, 100_000, 316_228), growth_fits=(300, 1_000, 3_000),
)  # fmt: skip


# --- our own ways to do the work


def draw(seed: int, batch: tuple[int, ...], p: int) -> tuple[Array, Array]:
    """A design with the intercept as column 0, and targets of which one tenth are 10 standard deviations too high."""
    rng = np.random.default_rng(seed)
    X = np.empty((*batch, p))
    X[..., 0] = 1.0
    for column in range(1, p):  # one at a time: no temporary of the design's size
        X[..., column] = rng.standard_normal(batch)
    y = linalg.apply(X, np.ones(p)) + rng.standard_normal(batch)
    y[..., : int(OUTLIERS * batch[-1])] += 10.0
    return X, y


def estimator(loss: ResidualLoss) -> M:
    """Our fit: Newton from least squares at scale 1, measured and certified."""
    return M(loss, Newton(), Fixed(1.0), None)


def solved(X: Array, y: Array, loss: ResidualLoss) -> Answer:
    """Least squares and the solver from there, nothing proved."""
    start = linalg.least_squares(X, y)
    return Answer(Newton().solve(Problem(X, y, loss), start).coef)


def certified(X: Array, y: Array, loss: ResidualLoss) -> Answer:
    """Least squares, the solver from there, and the certificate."""
    answer = solved(X, y, loss)
    certify(Problem(X, y, loss), answer.coef)
    return answer


def measured(X: Array, y: Array, loss: ResidualLoss) -> Answer:
    """The estimator of the studies, with all that a row of results holds."""
    return Answer(estimator(loss).fit(X, y).coef)


def regressor(X: Array, y: Array, loss: ResidualLoss) -> Answer:
    """The scikit-learn face; X without the column of ones."""
    model = RobustRegressor(loss=loss, scale="fixed", initial="ols").fit(X, y)
    return Answer(np.concatenate([[model.intercept_], model.coef_]))


Way = Callable[[Array, Array, ResidualLoss], Answer]

OURS: dict[Way, tuple[str, str]] = {
    solved: ("solver", "least squares start and Newton (exact vertex for MAE), scale 1; nothing is proved"),
    certified: ("solver and certificate", "the same, and the proof of how far from optimal it is"),
    measured: ("certified fit", "M(...).fit: rank check, start, solver, certificate, gradient, status"),
    regressor: ("RobustRegressor", 'RobustRegressor(loss, scale="fixed", initial="ols").fit: with input checks'),
}
"""Name and description of each way."""


def ours(X: Array, y: Array, loss: ResidualLoss, ways: Sequence[Way], repeat: int = 1) -> list[Side]:
    """Our own sides."""
    data = {way: np.ascontiguousarray(X[..., 1:]) if way is regressor else X for way in ways}
    return [Side(OURS[way][0], clocked(partial(way, data[way], y, loss), repeat), OURS[way][1]) for way in ways]


# --- contests: the same problems, ours and others'


@dataclass(frozen=True)
class Contest:
    """One kind of work: the problems, who solves them, and what must come out."""

    work: str
    conditions: str
    loss: ResidualLoss
    X: Array
    y: Array
    ways: tuple[Way, ...]
    """Our ways; the first is the one that counts."""
    sides: list[Side]
    targets: dict[str, Target]

    def section(self, turns: int) -> Section:
        """Everything measured in turn."""
        taken = in_turn(self.sides, turns)
        rows = [
            Row(f"{self.work}: {OURS[way][0]}", *found, aside=way is not self.ways[0])
            for way in self.ways
            for found in against(taken, OURS[way][0], self.targets)
        ]
        return Section(self.work, self.conditions, rows, self.details(taken))

    def details(self, taken: dict[str, Taken]) -> list[str]:
        """What each side took, and how far from the optimum its answers are."""
        bound = bounded(self.X, self.y, self.loss)
        lines = []
        for name, one in taken.items():
            above = np.zeros(0) if name == NORMAL else excess(self.X, self.y, self.loss, one.answer, bound)
            quality = [f"{above.max():.1e}", f"{(above <= CERTIFIED).mean():.1%}"] if len(above) else ["-", "-"]
            lines.append([name, f"{one.median:.3g}", f"{one.side.share:.0%}", *quality, one.side.how])
        head = ["side", "seconds for all (median)", "measured on", "worst excess", "within 1e-9", "what is timed"]
        return table(head, lines)


def bounded(X: Array, y: Array, loss: ResidualLoss, scale: Array | float = 1.0) -> Array:
    """Proven lower bounds of the least objectives at some scale, `(*batch,)`."""
    problem = Problem(X, y, loss, np.broadcast_to(scale, y.shape[:-1]))
    best = Newton().solve(problem, linalg.least_squares(X, y)).coef
    return certify(problem, best).bound


def excess(X: Array, y: Array, loss: ResidualLoss, answer: Answer, bound: Array) -> Array:
    """How far each objective is above its lower bound, relative; at the answer's own scale where it has one."""
    coef = answer.coef.reshape(-1, X.shape[-1])
    X, y = X[: len(coef)], y[: len(coef)]
    own = bool(np.any(answer.scale != 1.0))
    bound = bounded(X, y, loss, answer.scale) if own else bound[: len(coef)]
    problem = Problem(X, y, loss, np.broadcast_to(answer.scale, y.shape[:-1]))
    return np.maximum(problem.objective(coef) / bound - 1.0, 0.0)


def huber_small(sizes: Sizes) -> Section:
    """Many small Huber fits against loops of others."""
    targets = {
        comparators.SCIKIT_HUBER: Target(100.0, at_least=True),
        comparators.STATSMODELS_HUBER: Target(100.0, at_least=True),
        comparators.SCIPY_HUBER: Target(50.0, at_least=True),
    }
    return small(sizes, Huber(DELTA), "Huber", targets)


def mae_small(sizes: Sizes) -> Section:
    """Many small exact MAE fits against a loop of scikit-learn's and R's simplex."""
    targets = {comparators.SCIKIT_MAE: Target(100.0, at_least=True), comparators.R_BR: Target(1.0, at_least=True)}
    return small(sizes, MAE(), "exact MAE", targets)


def small(sizes: Sizes, loss: ResidualLoss, kind: str, targets: dict[str, Target]) -> Section:
    """Many small fits, by one thread."""
    X, y = draw(1, (sizes.fits, sizes.n_small), sizes.p_small)
    ways = (measured, solved)
    sides = ours(X, y, loss, ways) + comparators.sides(tuple(targets), X, y, sizes.subset)
    work = f"{sizes.fits:,} {kind} fits, n={sizes.n_small}, p={sizes.p_small}"
    conditions = (
        f"One BLAS thread. Intercept and {sizes.p_small - 1} normal features, normal errors, {OUTLIERS:.0%} of the "
        "targets 10 too high. We take all fits as one batch; loops in Python make some of them and their seconds are "
        "scaled up. Excess: (objective - bound) / bound, with the bound that our certificate proves."
    )
    with threadpool_limits(1):
        return Contest(work, conditions, loss, X, y, ways, sides, targets).section(sizes.turns)


def huber_large(sizes: Sizes) -> Section:
    """One large Huber fit."""
    targets = {
        NORMAL: Target(4.0),
        comparators.SCIKIT_HUBER: Target(15.0, at_least=True),
        comparators.STATSMODELS_HUBER: Target(100.0, at_least=True),
    }
    return large(sizes, Huber(DELTA), "Huber", targets)


def mae_large(sizes: Sizes) -> Section:
    """One large exact MAE fit."""
    targets = {
        NORMAL: Target(10.0),
        comparators.STATSMODELS_MAE: Target(30.0, at_least=True),
        comparators.R_PFN: Target(5.0, at_least=True),
    }
    return large(sizes, MAE(), "exact MAE", targets)


FAST_RUNS = 3
"""Runs in each turn of the sides that take a second or less; their median counts."""


def large(sizes: Sizes, loss: ResidualLoss, kind: str, targets: dict[str, Target]) -> Section:
    """One large fit, by the default number of threads."""
    X, y = draw(2, (1, sizes.n_large), sizes.p_large)
    ways = (certified, solved, regressor)
    yardstick = clocked(partial(comparators.normal_equations, X[0], y[0]), FAST_RUNS)
    sides = [Side(NORMAL, yardstick, comparators.HOW[NORMAL]), *ours(X[0], y[0], loss, ways, FAST_RUNS)]
    sides += comparators.sides(tuple(targets), X, y, 1)
    work = f"{kind}, n={sizes.n_large:,}, p={sizes.p_large}"
    conditions = (
        "The default number of BLAS threads. Data of the same kind as in the batches. Our sides and the normal "
        f"equations count with the median of {FAST_RUNS} runs in each turn."
    )
    section = Contest(work, conditions, loss, X, y, ways, sides, targets).section(sizes.long_turns)
    with threadpool_limits(1):
        alone = in_turn(sides[: 1 + len(ways)], sizes.long_turns)
    rows = [
        Row(f"{work}: {OURS[way][0]}, one BLAS thread", *found, aside=True)
        for way in ways
        for found in against(alone, OURS[way][0], {NORMAL: targets[NORMAL]})
    ]
    details = [*section.details, "", "The same with one BLAS thread:", "", *time_table(alone)]
    return replace(section, rows=section.rows + rows, details=details)


# --- a study


DRAWING = "drawing with NumPy"
OLS = "Huber, scale=fixed initial=ols"
LAD = "Huber, scale=mad initial=lad"
ABSOLUTE = "MAE"


def study(sizes: Sizes) -> Section:
    """The fits of a study against drawing its data."""
    cell = _cell(sizes)
    blocks = range(-(-sizes.fits // cell.block_size))
    with threadpool_limits(1):
        taken = in_turn(_study_sides(cell, blocks), sizes.turns)
    targets = {OLS: Target(5.0), ABSOLUTE: Target(15.0), LAD: Target(5.0)}
    rows = [
        Row(f"a study's fits: {name}", f"time over that of {DRAWING}", target, ratio(taken[name], taken[DRAWING]))
        for name, target in targets.items()
    ]
    conditions = (
        f"One BLAS thread. {len(blocks) * cell.block_size:,} samples, n={sizes.n_small}, p={sizes.p_small}, in blocks "
        f"of {cell.block_size}. {OUTLIERS:.0%} vertical outliers are in the data, but drawing them is not counted. The "
        "fits are certified; initial=lad is an exact MAE fit before the Huber fit."
    )
    rows[-1] = replace(rows[-1], aside=True)
    return Section("The fits of a study against drawing its data", conditions, rows, time_table(taken))


def _cell(sizes: Sizes) -> Cell:
    scenario = Linear(n_samples=sizes.n_small, n_features=sizes.p_small - 1)
    return Cell(scenario, Vertical(), OUTLIERS, estimator(MAE()), make("stability", "none"), 0, {})


def _study_sides(cell: Cell, blocks: range) -> list[Side]:
    fits = {
        OLS: M(Huber(DELTA), Newton(), make("scale", "fixed"), make("initial", "ols")),
        LAD: M(Huber(DELTA), Newton(), make("scale", "mad"), make("initial", "lad")),
        ABSOLUTE: M(MAE(), Newton(), make("scale", "fixed"), make("initial", "ols")),
    }
    data = [cell.draw(block)[0] for block in blocks]
    numpy_alone = clocked(lambda: [drawn(cell.scenario, cell.seed, block, cell.block_size) for block in blocks])
    whole = clocked(lambda: [cell.draw(block) for block in blocks])
    return [
        Side(DRAWING, numpy_alone, "standard_normal for features and errors, y = X b + e"),
        Side("Cell.draw", whole, "the same samples as a study draws them, outliers and all"),
        *(Side(name, clocked(partial(_fit_all, how, data)), "M(...).fit") for name, how in fits.items()),
    ]


def _fit_all(how: M, data: list[Data]) -> None:
    for sample in data:
        how.fit(sample.X, sample.y, None, sample.intercept)


def drawn(scenario: Any, seed: int, block: int, size: int) -> tuple[Array, Array]:
    """The clean samples of a block of a linear scenario, with nothing but NumPy."""
    streams, truth, n, p = Streams.spawn(seed, block), scenario.truth, scenario.n_samples, scenario.p
    X = np.ones((size, n, p))
    X[..., 1:] = streams.X.standard_normal((size, n, p - 1))
    y: Array = X @ truth.coef + streams.noise.standard_normal((size, n))
    return X, y


# --- growth


def growth(sizes: Sizes) -> Section:
    """How the time grows with the number of rows, and with the number of replicates."""
    rows, details = [], []
    X, y = draw(3, (max(sizes.growth_n),), sizes.p_growth)
    many = draw(4, (max(sizes.growth_fits), sizes.n_small), sizes.p_small)
    in_n, in_replicates = f"p={sizes.p_growth}", f"n={sizes.n_small}, p={sizes.p_small}"
    for loss in (Huber(DELTA), MAE()):
        name = type(loss).__name__
        with threadpool_limits(1):
            by_n = _grown(loss, X, y, sizes.growth_n, sizes.long_turns)
            by_count = _grown(loss, *many, sizes.growth_fits, sizes.long_turns)
        rows += _exponents(f"{name}, time in n, {in_n}", by_n)
        rows += _exponents(f"{name}, time in replicates, {in_replicates}", by_count)
        details += _growth_lines(f"{name}, seconds at n, {in_n}", by_n)
        details += _growth_lines(f"{name}, seconds for replicates, {in_replicates}", by_count)
    conditions = (
        "One BLAS thread: the default would take more threads as the size grows. M(...).fit with its certificate, "
        "scale fixed, from least squares; replicates are one batch. The exponent is the least squares slope of log "
        "time on log size."
    )
    return Section("Growth", conditions, rows, details)


def _grown(loss: ResidualLoss, X: Array, y: Array, counts: Sequence[int], turns: int) -> dict[str, Taken]:
    """The first `count` rows or replicates fitted, for each count; the small ones several times."""
    sides = []
    for count in counts:
        repeat = int(np.clip(max(counts) / count / 10, 1, 20))
        sides.append(Side(str(count), clocked(partial(measured, X[:count], y[:count], loss), repeat)))
    return in_turn(sides, turns)


def _exponents(work: str, taken: dict[str, Taken]) -> list[Row]:
    size = np.log([float(name) for name in taken])
    seconds = np.log([one.seconds for one in taken.values()])
    slopes = tuple(np.polyfit(size, seconds, 1)[0])
    medians = zip(size, np.median(seconds, 1), strict=True)
    largest = max((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(medians))
    return [
        Row(work, "exponent", Target(1.05), slopes, ""),
        Row(work, "largest exponent between neighbouring sizes (of the medians)", None, (largest,), "", aside=True),
    ]


def _growth_lines(title: str, taken: dict[str, Taken]) -> list[str]:
    names = [f"{int(name):,}" for name in taken]
    return [f"{title}:", "", *table(names, [[f"{one.median:.3g}" for one in taken.values()]]), ""]


# --- overhead


PLAIN = 'RobustRegressor(solver="newton", scale="fixed", initial="ols")'
DEFAULT = "RobustRegressor()"
BARE = "Newton.solve"
OWN = "M.solve of RobustRegressor()"


def overhead(sizes: Sizes) -> Section:
    """What a single small fit costs beyond its arithmetic."""
    X, y = draw(5, (sizes.n_single,), sizes.p_single)
    with threadpool_limits(1):
        taken = in_turn(_overhead_sides(X, y, sizes.single_fits), sizes.turns)
        stages = breakdown(X, y, sizes.single_fits)
    work, target = f"one fit, n={sizes.n_single}, p={sizes.p_single}", Target(300.0)
    rows = [
        Row(f"{work}: {PLAIN}", "beyond Newton alone", target, _beyond(taken[PLAIN], taken[BARE]), "us"),
        Row(f"{work}: {DEFAULT}", "beyond its starts and solver", target, _beyond(taken[DEFAULT], taken[OWN]), "us"),
    ]
    conditions = f"One BLAS thread; medians of {sizes.single_fits} fits in each turn. Target: point 6 of the issue."
    return Section("Overhead", conditions, rows, [*time_table(taken), "", *stages])


def _overhead_sides(X: Array, y: Array, count: int) -> list[Side]:
    problem, start = Problem(X, y, Huber(DELTA)), linalg.least_squares(X, y)
    own, features = RobustRegressor().estimator(), np.ascontiguousarray(X[:, 1:])
    models = {PLAIN: _plain(), DEFAULT: RobustRegressor()}
    others = {"LinearRegression()": LinearRegression(), "HuberRegressor()": HuberRegressor()}
    return [
        Side(BARE, clocked(lambda: Newton().solve(problem, start), count), "from least squares, scale 1"),
        *(Side(name, clocked(partial(model.fit, features, y), count), "fit") for name, model in models.items()),
        Side(OWN, clocked(lambda: own.solve(X[None], y[None]), count), "LAD, MAD, and the solver that auto chooses"),
        *(
            Side(name, clocked(partial(model.fit, features, y), count), "fit, scikit-learn")
            for name, model in others.items()
        ),
    ]


def _plain() -> RobustRegressor:
    return RobustRegressor(solver="newton", scale="fixed", initial="ols")


def _beyond(whole: Taken, part: Taken) -> tuple[float, ...]:
    """The difference of the same turn, in microseconds."""
    return tuple(1e6 * (a - b) for a, b in zip(whole.seconds, part.seconds, strict=True))


def breakdown(X: Array, y: Array, count: int) -> list[str]:
    """Where the time of a fit goes, by a profile: functions of robustfit and scikit-learn's input checks."""
    model, features = _plain(), np.ascontiguousarray(X[:, 1:])
    with cProfile.Profile() as profile:
        for _ in range(count):
            model.fit(features, y)
    found: dict[tuple[str, int, str], Any] = vars(pstats.Stats(profile))["stats"]
    whole = max(cumulative for _, _, _, cumulative, _ in found.values())
    lines = [
        [f"`{place}`", f"{calls / count:g}", f"{cumulative / whole:.0%}", f"{own / whole:.0%}"]
        for (path, _, name), (_, calls, own, cumulative, _) in sorted(found.items(), key=lambda item: -item[1][3])
        if cumulative >= SHOWN * whole and (place := _place(path, name))
    ]
    head = ["function", "calls per fit", "share of the time", "of which in itself"]
    return [f"Where the time of `{PLAIN}` goes, in a profile:", "", *table(head, lines)]


SHOWN = 0.05
"""The share of the time that a function must have to be in the profile."""


def _place(path: str, name: str) -> str:
    """Module and function where they tell something, else empty."""
    if Path(path).is_relative_to(ROOT / "robustfit"):
        return f"{Path(path).relative_to(ROOT).with_suffix('')} {name}"
    return f"sklearn {name}" if name == "validate_data" else ""


# --- memory


PEAK = """
import json, sys
import numpy as np
from experiments.speed import draw, memory_now, memory_peak
from robustfit import RobustRegressor
n, p, loss, order = json.loads(sys.argv[1])
X, y = draw(0, (min(n, 100_000),), p)
RobustRegressor(loss=loss).fit(X[:, 1:], y)  # what is loaded and allocated once is not the fit's
X, y = draw(2, (n,), p)
X[:, 0] = np.random.default_rng(3).standard_normal(n)  # the estimator adds an intercept of its own
X = np.asarray(X, order=order)
before = memory_now()
RobustRegressor(loss=loss).fit(X, y)
print((memory_peak() - before + X.nbytes) / X.nbytes)
"""


def memory(sizes: Sizes) -> Section:
    """The peak memory of one large fit, in a process of its own."""
    rows = []
    for loss, order in (("huber", "C"), ("huber", "F"), ("mae", "C"), ("mae", "F")):
        say(f"  {loss}, {order}-ordered")
        work = f"peak memory, {loss}, n={sizes.n_large:,}, p={sizes.p_large}, {order}-ordered float64"
        values = tuple(_peak(sizes, loss, order) for _ in range(2))
        rows.append(Row(work, "over the memory of X, X included", Target(3.0), values))
    conditions = (
        "RobustRegressor(loss=...).fit with its defaults otherwise, in a process of its own: the highest resident "
        "memory during the fit, less what was resident before it, plus X. Target: point 5 of the issue."
    )
    return Section("Memory", conditions, rows)


def _peak(sizes: Sizes, loss: str, order: str) -> float:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-c", PEAK, json.dumps([sizes.n_large, sizes.p_large, loss, order])]
    env = {**os.environ, "PYTHONPATH": path, "MALLOC_MMAP_THRESHOLD_": "1000000"}  # what is freed leaves the process
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return float(done.stdout)


def memory_now() -> int:
    """Bytes in memory now; on Linux the highest so far is forgotten, so that `memory_peak` starts from here."""
    if sys.platform != "linux":
        return memory_peak()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def memory_peak() -> int:
    """The most bytes that were in memory; on Linux not `ru_maxrss`, which a process inherits from its parent."""
    if sys.platform == "linux":
        return _status("VmHWM")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _status(name: str) -> int:
    found = re.search(rf"{name}:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return 1024 * int(found[1]) if found else 0


# --- the run


SECTIONS: dict[str, Callable[[Sizes], Section]] = {
    "huber_small": huber_small,
    "mae_small": mae_small,
    "study": study,
    "huber_large": huber_large,
    "mae_large": mae_large,
    "growth": growth,
    "overhead": overhead,
    "memory": memory,
}
"""What `--only` may name."""


def run(names: Sequence[str], sizes: Sizes) -> str:
    """Measure some sections and report them."""
    before, sections = load_average(), []
    for name in names:
        say(name)
        sections.append(SECTIONS[name](sizes))
    facts = [
        f"Written by `python -m experiments.speed{' --quick' * (sizes == QUICK)}`; nothing is written by hand."
        + " These are small sizes; the targets are meant for the full ones." * (sizes != FULL),
        "",
        *environment([before, load_average()], quantreg() or "R with quantreg not there: its rows are not measured"),
        f"- {sizes.turns} turns of the quick rows, {sizes.long_turns} of the long ones, A B A B ...; each ratio is of "
        "seconds of the same turn, so other work on the machine widens the range rather than moves the median",
    ]
    return page(sections, facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all rows and write the report; a part of them is printed only, unless `--out` says where to."""
    parser = argparse.ArgumentParser(prog="python -m experiments.speed", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, about a minute")
    parser.add_argument(
        "--only", choices=SECTIONS, action="append", metavar="ROW", help=f"one of: {', '.join(SECTIONS)}"
    )
    parser.add_argument("--out", type=Path, help="where to write; a full run writes results/SPEED.md")
    given = parser.parse_args(arguments)
    text = run(given.only or list(SECTIONS), QUICK if given.quick else FULL)
    out = given.out or (None if given.quick or given.only else REPORT)
    print(text)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
