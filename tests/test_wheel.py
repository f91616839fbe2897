"""The wheel carries all that the command needs, in a fresh environment and from a directory with nothing in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from command import ROOT, Outcome

import robustfit
from robustfit.catalogue import config_dir

pytestmark = pytest.mark.slow

BUILT_FROM = ["robustfit", "configs", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"]
BIN = "Scripts" if os.name == "nt" else "bin"


def run(home, *command):
    """A command that sees nothing of this checkout."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([str(part) for part in command], cwd=home, env=variables, capture_output=True, text=True)
    return Outcome(done.returncode, done.stdout, done.stderr, home)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without network from a copy of the tree."""
    home = tmp_path_factory.mktemp("tree")
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, home / name)
    built = run(home, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist")
    assert built.code == 0, built.err
    (path,) = (home / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel in it, and of this one nothing but the libraries that it depends on."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / BIN / "python"
    installed = run(home, sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel)
    assert installed.code == 0, installed.err
    (site,) = [path.parent for path in home.rglob("robustfit") if (path / "__init__.py").exists()]
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    where = run(home, python, "-c", "import robustfit; print(robustfit.__file__)")
    assert Path(where.out.strip()).is_relative_to(site), where
    return home / BIN


@pytest.fixture(params=["python -m robustfit", "robustfit"])
def command(request, environment):
    """The two ways to say it."""
    return [environment / "python", "-m", "robustfit"] if " " in request.param else [environment / "robustfit"]


def test_the_wheel_carries_every_configuration_and_the_types(wheel):
    content = set(zipfile.ZipFile(wheel).namelist())
    configs = {
        f"robustfit/configs/{path.relative_to(config_dir()).as_posix()}" for path in config_dir().rglob("*.yaml")
    }
    assert "robustfit/configs/main.yaml" in configs
    assert configs | {"robustfit/py.typed", "robustfit/__main__.py"} <= content
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "robustfit").rglob("*.py")}
    assert modules == {name for name in content if name.endswith(".py")}, "nothing missing, nothing else"


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_string(archive.read(name).decode())
        assert f"{name.rpartition('/')[0]}/licenses/LICENSE" in archive.namelist()
    assert (metadata["Name"], metadata["Version"]) == ("robustfit", robustfit.__version__)
    assert metadata["Requires-Python"] == "<3.14,>=3.11"
    required = metadata.get_all("Requires-Dist")
    assert any("hydra-core" in line and "<1.4" in line for line in required), "a pre-release does not work"


def test_the_main_job_from_an_empty_directory(command, tmp_path):
    done = run(tmp_path, *command, "loss=huber", "outliers=0.1")
    assert (done.code, done.err) == (0, "")
    assert {path.name for path in done.folder.iterdir()} >= {"rows.parquet", "rows.csv", "data.csv", "fit.png"}
    assert done.rows["n_outliers"].item() == 10


def test_help_and_refusal_from_an_empty_directory(command, tmp_path):
    assert "loss: bisquare, cauchy, ciou" in run(tmp_path, *command, "--help").out
    refused = run(tmp_path, *command, "loss=hubber")
    assert (refused.code, refused.results) == (2, [])
    assert refused.err.startswith("robustfit: no loss 'hubber' (did you mean 'huber'?)")


def test_a_sweep_from_an_empty_directory(command, tmp_path):
    done = run(tmp_path, *command, "-m", "loss=mse,mae", "stability=none")
    assert done.code == 0, done.err
    assert done.rows["loss"].tolist() == ["mse", "mae"]


LOSS = """
from dataclasses import dataclass
import numpy as np
from robustfit.losses.base import SmoothLoss

@dataclass(frozen=True)
class Root(SmoothLoss):
    convex = True
    def rho(self, u): return np.sqrt(1 + u**2) - 1
    def weight(self, u): return 1 / np.sqrt(1 + u**2)
    def curvature(self, u): return (1 + u**2) ** -1.5
"""


def test_a_users_loss_beside_the_wheel(command, tmp_path):
    (tmp_path / "mine" / "loss").mkdir(parents=True)
    (tmp_path / "my_root.py").write_text(LOSS, encoding="utf-8")
    (tmp_path / "mine" / "loss" / "root.yaml").write_text("_target_: my_root.Root\n", encoding="utf-8")
    done = run(tmp_path, *command, "--config-dir", "mine", "loss=root", "figure=false")
    assert (done.code, done.err) == (0, "")
    assert done.rows["loss"].item() == "root"


def test_there_is_no_commit_where_there_is_no_checkout(command, tmp_path):
    import json

    done = run(tmp_path, *command, "figure=false", "stability=none")
    record = json.loads((done.folder / "provenance.json").read_text(encoding="utf-8"))
    assert (record["commit"], record["robustfit"]) == (None, robustfit.__version__)
