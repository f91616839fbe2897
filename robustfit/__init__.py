"""Robust regression with evidence: which loss should fit this line when some of the data are wrong?

The experiment is `python -m robustfit`; the same fits as scikit-learn estimators are `robustfit.RobustRegressor` and,
of labels, `robustfit.RobustClassifier`.
`robustfit.run_study` runs studies from Python, `robustfit.read_rows` reads what a run or a study wrote.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robustfit.classifier import RobustClassifier
    from robustfit.cli import run_study
    from robustfit.regressor import RobustRegressor
    from robustfit.store import read_rows

__version__ = "0.1.0"
__all__ = ["RobustClassifier", "RobustRegressor", "__version__", "read_rows", "run_study"]

_HOMES = {
    "RobustClassifier": "robustfit.classifier",
    "RobustRegressor": "robustfit.regressor",
    "read_rows": "robustfit.store",
    "run_study": "robustfit.cli",
}
"""Where each public name lives: imported when first asked for, since scikit-learn alone takes two seconds."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'robustfit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
