"""The command line as tests call it: in this process, or as one of its own; always in a directory of the test's."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra.core.global_hydra import GlobalHydra  # noqa: TID251 (its state outlives a call in one process)

from robustfit import cli

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Outcome:
    """What a call left: exit code, output and files."""

    code: int
    out: str
    err: str
    home: Path

    @property
    def results(self) -> list[str]:
        """Every file and folder under results/."""
        return sorted(path.relative_to(self.home).as_posix() for path in self.home.glob("results/**/*"))

    @property
    def folder(self) -> Path:
        """The folder that the last line of the output names, after "Written to"."""
        (place,) = [line for line in self.out.splitlines() if line.startswith("Written to ")]
        return self.home / place.removeprefix("Written to ").partition(":")[0]

    @property
    def rows(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "rows.parquet")

    @property
    def summary(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "summary.csv")

    @property
    def data(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "data.csv")


def call(home: Path, *arguments: str, full_errors: bool = False) -> Outcome:
    """`robustfit ARGUMENTS` in this process; nothing of it outlives the call but the files."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(home)
        patch.setattr(sys, "argv", ["robustfit", *arguments])
        patch.setattr(sys, "path", [*sys.path])
        patch.setenv("HYDRA_FULL_ERROR", "0")  # `main` sets it
        patch.setattr(cli, "_full_errors", full_errors)
        patch.setattr(cli, "_failures", [])
        patch.setattr(cli, "_sweeps", [])
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            GlobalHydra.instance().clear()
    return Outcome(code, out.getvalue(), err.getvalue(), home)


def process(home: Path, *arguments: str, command: tuple[str, ...] = (), **environment: Any) -> Outcome:
    """`python -m robustfit ARGUMENTS`, or another command, as a process of its own."""
    command = command or (sys.executable, "-m", "robustfit")
    variables = {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([*command, *arguments], cwd=home, env=os.environ | variables, capture_output=True, text=True)
    return Outcome(done.returncode, done.stdout, done.stderr, home)
