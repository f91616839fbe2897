"""Progress: counts that are right, and lines instead of a bar where there is no terminal."""

from types import SimpleNamespace

import pytest

from robustfit.errors import Failure
from robustfit.progress import Progress, duration


def unit(data, cells=3):
    return SimpleNamespace(data=data, configs=("{}",) * cells)


def block(data):
    return SimpleNamespace(data=data, fits=10)


def test_blocks_cells_and_fits_are_counted(capsys):
    progress = Progress("trial", every=0.0)
    progress.begin([unit("a"), unit("a"), unit("b", 2)])
    for ended in (block("a"), block("b"), Failure("no")):
        progress.advance(ended)
    progress.close()
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith("trial: 1 of 3 blocks, 0 of 5 cells, ")
    assert second.startswith("trial: 2 of 3 blocks, 2 of 5 cells, ")
    assert third.startswith("trial: 3 of 3 blocks, 1 failed, 2 of 5 cells, ") and third.endswith(" 0 s left")
    assert (progress.blocks, progress.fits, progress.failures) == (2, 20, 1)


def test_a_second_round_goes_on_counting(capsys):
    progress = Progress("trial", every=0.0)
    progress.begin([unit("a")])
    progress.advance(block("a"))
    progress.begin([unit("a"), unit("b")])
    progress.advance(block("b"))
    assert capsys.readouterr().err.splitlines()[-1].startswith("trial: 2 of 3 blocks, 3 of 6 cells, ")


@pytest.mark.parametrize("quiet", [True, False])
def test_lines_come_now_and_then_only(capsys, quiet):
    progress = Progress("trial", quiet=quiet, every=0.0 if quiet else 1e9)
    progress.begin([unit("a")])
    progress.advance(block("a"))
    progress.close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (3600, "1 h 0 min")])
def test_durations(seconds, words):
    assert duration(seconds) == words
