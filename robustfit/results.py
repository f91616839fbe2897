"""What a study found: its rows, their summary, comparisons of the cells with each other, what failed; and its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustfit.comparisons import compare, slope_bound, with_efficiencies
from robustfit.errors import Failure, RobustfitError
from robustfit.precision import Precision
from robustfit.replay import Address
from robustfit.store import folder, provenance, write_json
from robustfit.study import Study
from robustfit.summary import failed, has_main, medians, ranked, summarise
from robustfit.tolerated import tolerable_errors, tolerated_fractions

if TYPE_CHECKING:
    import pandas

    from robustfit.linalg import Array
    from robustfit.tolerated import Circumstances


@dataclass(frozen=True, repr=False)
class Results:
    """The results of a study, of the replicates that were asked for.

    `summary` has a line per cell, `comparisons` a line per cell and reference, `tolerated` a line per estimator where
    the fraction of outliers varies; `failed` has all rows without a fit, `failures` the blocks that could not be
    computed. `tables()` yields the rows themselves, one set of data at a time; `rows()` gives them all, which must
    then fit into memory.
    """

    study: Study
    summary: pandas.DataFrame
    comparisons: pandas.DataFrame
    tolerated: pandas.DataFrame
    failed: pandas.DataFrame
    failures: tuple[Failure, ...]

    def __repr__(self) -> str:
        """What there is, in a line: the tables themselves would fill pages."""
        counts = f"cells: {len(self.summary):,}, rows without a fit: {len(self.failed):,}"
        return f"Results of {self.study.name} ({counts}, failed blocks: {len(self.failures):,}) in {self.path}"

    @property
    def path(self) -> Path:
        """The study's folder."""
        return self.study.store.path

    def tables(self) -> Iterator[pandas.DataFrame]:
        """The rows, one set of data at a time."""
        return self.study.tables()

    def rows(self) -> pandas.DataFrame:
        """All rows.

        Raises:
            RobustfitError: there are none.
        """
        import pandas

        tables = list(self.tables())
        if not tables:
            raise RobustfitError(f"{self.path}: there are no rows")
        return pandas.concat(tables, ignore_index=True)

    def write(self, settings: Mapping[str, Any]) -> list[str]:
        """Write the tables and what produced them beside the rows; the names of the files."""
        import pandas

        with folder(self.path) as draft:
            self.summary.to_csv(draft / "summary.csv", index=False)
            self.comparisons.to_csv(draft / "comparisons.csv", index=False)
            if len(self.tolerated):
                self.tolerated.to_csv(draft / "tolerated.csv", index=False)
            if self.study.skipped:
                pandas.DataFrame(list(self.study.skipped)).to_csv(draft / "skipped.csv", index=False)
            write_json(provenance(settings), draft / "provenance.json")
            return sorted(file.name for file in draft.iterdir())

    def replays(self) -> list[tuple[str, Address]]:
        """Where to look at the rows that failed: of each reason the first."""
        first = self.failed.assign(reason=_reasons(self.failed)).drop_duplicates("reason")
        cells = zip(first["reason"], first["cell"], first["replicate"], strict=True)
        return [(reason, Address(self.path, cell, int(replicate))) for reason, cell, replicate in cells]


def gathered(study: Study, failures: Sequence[Failure] = ()) -> Results:
    """The results of a study from its rows, read one set of data at a time.

    Raises:
        RobustfitError: there are no rows.
    """
    import pandas

    parts: list[tuple[pandas.DataFrame, ...]] = []
    samples: dict[Circumstances, Array] = {}
    for rows in study.tables():
        parts.append(_of_data(rows, study))
        samples |= tolerable_errors(rows)
    if not parts:
        raise RobustfitError(f"study={study.name}: no block could be computed" + "".join(_first(failures)))
    summary, comparisons, fails = (pandas.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    summary = with_efficiencies(summary, comparisons)
    if has_main(summary):
        summary = ranked(summary)
    if isinstance(study.replicates, Precision):
        summary = _with_precision(summary, study)
    tolerated = tolerated_fractions(samples, location="median" if medians(summary).any() else "mean")
    return Results(study, summary, comparisons, tolerated, fails, tuple(failures))


def _of_data(rows: pandas.DataFrame, study: Study) -> tuple[pandas.DataFrame, pandas.DataFrame, pandas.DataFrame]:
    """Summary, comparisons and failed rows of the cells that meet the same samples."""
    cell = next(cell for cell in study.cells if cell.key == rows["cell"].iloc[0])
    bound = slope_bound(cell.scenario, cell.outliers)
    return summarise(rows), compare(rows, bound), rows[failed(rows)]


def _with_precision(summary: pandas.DataFrame, study: Study) -> pandas.DataFrame:
    """The summary with `precision_met`: whether the cell's own mean is known as well as was asked for."""
    wanted = study.replicates
    assert isinstance(wanted, Precision)
    error, mean = summary.get(f"{wanted.of}_mcse"), summary.get(wanted.of)
    if error is None or mean is None:
        return summary
    limit = wanted.target * mean.abs() if wanted.relative else wanted.target
    return summary.assign(precision_met=(error <= limit) | mean.isna())


def _reasons(rows: pandas.DataFrame) -> pandas.Series[str]:
    return rows["error"].where(rows["error"].fillna("") != "", rows["status"])


def _first(failures: Sequence[Failure]) -> Iterator[str]:
    yield from (f": {failure.reason}" for failure in failures[:1])
