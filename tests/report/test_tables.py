"""Numbers as text: what is left of a Monte Carlo standard error that is rounding."""

from __future__ import annotations

from robustfit.report.tables import with_error


def test_an_error_of_rounding_is_none():
    assert with_error(0.158655, 9.3e-18) == "0.1587 (0)"
    assert with_error(0.0, 9.3e-18) == "0.000e+00 (9.3e-18)", "of a mean of 0 nothing is known to be rounding"
