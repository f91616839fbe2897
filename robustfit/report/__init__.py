"""Results in words and tables, for a terminal, a pipe or a notebook: plain text that loses no digits."""

from robustfit.report.columns import columns_table
from robustfit.report.grids import sweep, tolerated
from robustfit.report.run import single
from robustfit.report.tables import aligned, number, with_error

__all__ = ["aligned", "columns_table", "number", "single", "sweep", "tolerated", "with_error"]
