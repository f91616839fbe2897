"""How a run with boxes as targets is told."""

from __future__ import annotations

import math

from robustfit.losses.base import ResidualLoss
from robustfit.report import account
from robustfit.report.account import Account, Line, Run
from robustfit.report.regression import outliers
from robustfit.report.tables import number


def _facts(run: Run) -> list[tuple[str, str]]:
    return [("outliers", outliers(run))]


def _coefficients(run: Run) -> str:
    return account.blocks(run, account.fits(run))


def _measures(run: Run) -> list[Line]:
    which = "clean boxes" if run.fitted.data.outliers.any() else "boxes"
    words = {"clean_iou": f"mean intersection over union of the fitted with the {which}", **WORDS}
    return [*run.lines(words), *_scale(run)]


WORDS = {
    "clean_iou_50": "share of the rows in which it is at least 0.5",
    "clean_iou_75": "share of the rows in which it is at least 0.75",
    "iou_error": "1 - clean_iou",
    "target_iou": "mean intersection over union of the fitted with the true boxes, without noise",
    "corner_error": "distance of a fitted from the true corner coordinate, root mean square, in units of y",
    "marked_iou": "mean intersection over union of the fitted with the wrong boxes of the outliers",
    "outlier_ap": "how well small overlaps find the outliers (1: all first)",
}


def _scale(run: Run) -> list[Line]:
    """The scale, where it is estimated."""
    if run.settings["scale"] == "fixed" or not isinstance(run.fitted.cell.estimator.loss, ResidualLoss):
        return []
    return [("scale", number(float(run.fitted.fit.scale[0])), "width of the errors, mean over the four coordinates")]


def _comparison(run: Run) -> str:
    own, other = run.value("clean_iou"), run.other("clean_iou")
    which = "clean boxes" if run.fitted.data.outliers.any() else "boxes"
    text = f"the boxes of the {run.loss} fit overlap the {which} by {number(own)} on average"
    if run.loss == "mse" and math.isclose(own, other, rel_tol=1e-9):
        return text
    return f"{text}, those of {run.compared} by {number(other)}"


BOXES = Account(_facts, _coefficients, _measures, _comparison)
