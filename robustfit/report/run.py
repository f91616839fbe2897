"""One run: the first sample in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robustfit import __version__
from robustfit.cell import Fitted
from robustfit.fit import ENDLESS, Fit, Status
from robustfit.losses.base import ResidualLoss
from robustfit.losses.classification.base import idle
from robustfit.report.account import Account, Line, Run
from robustfit.report.boxes import BOXES
from robustfit.report.classification import CLASSIFICATION
from robustfit.report.regression import REGRESSION
from robustfit.report.tables import aligned, counted, number, setting
from robustfit.scenarios.file import FromFile
from robustfit.stability import Exhibit

ACCOUNTS = {"regression": REGRESSION, "classification": CLASSIFICATION, "boxes": BOXES}

PROOFS = {
    "exact": "exact dual",
    "dual": "dual bound",
    "stationary": "stationarity, no proof",
    "search": "the solver's word, no proof",
    "none": "no bound is known",
}
"""What the kinds of gaps are."""

ENDS = (Status.zero_scale, Status.rank_deficient, Status.failed)
"""Of fits that ended so nothing else need be said."""


def single(fitted: Fitted, reference: Fit) -> str:
    """What one run found: the first sample in full, beside the reference's fit of it."""
    run, account = Run(fitted, reference), ACCOUNTS[fitted.data.task]
    parts = [
        f"robustfit {__version__}   loss={run.loss}  outliers={run.settings['outliers']:g}  seed={fitted.cell.seed}",
        "\n".join(f"  {word:<12} {text}" for word, text in _facts(run, account)),
        account.coefficients(run),
        _measures(run, account),
        _path(fitted.exhibit) if fitted.exhibit else "",
        f"Meaning: {_meaning(run, account)}.",
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(run: Run, account: Account) -> list[tuple[str, str]]:
    facts = [("scenario", _scenario(run)), *_left_out(run), *account.facts(run)]
    facts.append(("loss", f"{_loss(run.settings)}, {_start(run)}"))
    if run.priced:
        facts.append(("penalty", f"{run.settings['penalty']}, alpha={setting(run.settings.get('penalty.alpha'))}"))
    return [*facts, ("solver", _way(run.fitted.fit))]


def _scenario(run: Run) -> str:
    n, p = run.fitted.data.X.shape[-2:]
    noise = run.settings.get("scenario.noise")
    text = f"{run.settings['scenario']}: {n} rows, {counted(p - run.fitted.data.intercept, 'feature')}"
    return text + (f", {noise} noise" if noise else "")


def _left_out(run: Run) -> list[tuple[str, str]]:
    scenario = run.fitted.cell.scenario
    if not (isinstance(scenario, FromFile) and scenario.left_out):
        return []
    return [("left out", f"{', '.join(scenario.left_out)}: columns of text")]


def _loss(settings: Mapping[str, Any]) -> str:
    """The loss and its parameters, as in huber(delta=1.345)."""
    parameters = {key.partition(".")[2]: value for key, value in settings.items() if key.startswith("loss.")}
    constants = ", ".join(f"{key}={setting(value)}" for key, value in parameters.items() if value != "[]")
    return f"{settings['loss']}({constants})" if constants else str(settings["loss"])


def _start(run: Run) -> str:
    """Where the fit starts, and in what it counts, if that is not the unit of the data."""
    scale = f"scale={run.settings['scale']}, " if isinstance(run.fitted.cell.estimator.loss, ResidualLoss) else ""
    return f"{scale}initial={run.settings['initial']}"


def _way(fit: Fit) -> str:
    solution = fit.solution
    return f"{fit.solver}: {fit.status[0].name}, {solution.n_iter[0]} iterations, {solution.n_eval[0]} evaluations"


def _measures(run: Run, account: Account) -> str:
    lines = [line for line in account.measures(run) if line[1] != "-"]
    what = "mean loss, sum over the coordinates" if run.fitted.one_by_one else "mean loss"
    lines.append(("objective", number(run.value("objective"), 10), what + " plus penalty" * run.priced))
    return aligned(["measure", "value", ""], [*lines, _gap(run.fitted.fit)])


def _gap(fit: Fit) -> Line:
    verdict = "certified" if fit.certified[0] else "not certified"
    warning = "; the solver's success is false" if fit.false_success[0] else ""
    size = f"{float(fit.gap[0]):.1e}" if fit.gap[0] == fit.gap[0] else "-"
    return "gap", size, f"{PROOFS[str(fit.gap_kind[0])]}: {verdict}{warning}"


def _path(exhibit: Exhibit) -> str:
    """The intervals of one exact path."""
    table, name, row = exhibit.table(), exhibit.data.names[exhibit.column], exhibit.path.motion.row
    numbers = table[["from", "to", f"from.{name}", f"to.{name}", "jump"]].map(lambda value: number(value, 5))
    header = [f"{name} from", "to", "slope from", "to", "jump", "through rows"]
    cells = [list(line) for line in numbers.assign(rows=table["rows"]).head(20).to_numpy()]
    title = f"Exact path of {exhibit.exact} as {name} of row {row} moves; it is at {number(exhibit.position, 5)}"
    note = "jump: where the interval ends, the largest change of a fitted value, in units of y; rows count from 0"
    more = f"\n... and {len(table) - 20} more" if len(table) > 20 else ""
    return f"{title}\n\n{aligned(header, cells, left=0)}{more}\n\n{note}"


def _meaning(run: Run, account: Account) -> str:
    """What the figures say, in a line."""
    status, labels = run.fitted.fit.status[0], run.fitted.data.task == "classification"
    if status in ENDS or status is Status.perfect_fit and not labels:
        return str(status.value)
    return f"{account.comparison(run)}; {_proof(run)}"


def _proof(run: Run) -> str:
    fit = run.fitted.fit
    if fit.status[0] in ENDLESS:
        return str(fit.status[0].value)
    if fit.status[0] is Status.perfect_fit:
        return "no row costs anything"
    if idle(run.fitted.cell.estimator.loss):
        return "coefficients of 0 would cost nothing, so that this is where the solver stopped, and no minimum"
    if not fit.certified[0]:
        return "there may be a better fit: this one is not proved optimal"
    size = f" by more than {float(fit.gap[0]):.1e} of it" if fit.gap[0] > 0 else ""
    return f"no coefficients have a mean loss{' plus penalty' if run.priced else ''} that is lower{size}"
