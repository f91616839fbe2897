"""What the README says is so: its commands run as they are written, its code runs, its tables are complete."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest
import yaml
from command import ROOT, call

from robustfit import report
from robustfit.catalogue import spec
from robustfit.task import fitting

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^python -m robustfit ?(.*)$", re.MULTILINE)
FENCED = [words for language, text in BLOCKS if not language for words in COMMAND.findall(text)]
INLINE = re.findall(r"`python -m robustfit (--[^`]+)`", README)
PYTHON = [text for language, text in BLOCKS if language == "python"]


def commands():
    """Every command; a sweep takes more than a few seconds and is run where there is time."""
    for words in dict.fromkeys([*FENCED, *INLINE]):
        marks = [pytest.mark.slow] if re.search(r"(-m|--multirun)\b|study=", words) else []
        yield pytest.param(shlex.split(words), id=words, marks=marks)


@pytest.fixture
def home(tmp_path):
    """A directory with the files that the README speaks of: data of this checkout, and the reader's own loss."""
    for name in re.findall(r"scenario\.path=(\S+)", README):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name, text in re.findall(r"`([\w/]+\.(?:py|yaml))`:\n+```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_there_are_commands_and_code_to_try():
    assert "loss=huber outliers=0.1" in FENCED
    assert any("--multirun" in words for words in FENCED) and any("scenario=csv" in words for words in FENCED)
    assert any("--config-dir" in words for words in INLINE)
    assert any("RobustRegressor" in text for text in PYTHON)


@pytest.mark.parametrize("arguments", list(commands()))
def test_a_command_runs_as_it_is_written(home, arguments):
    run = call(home, *arguments)
    assert run.code == 0, run.err
    talks = {"--multirun"} & {*arguments} or any(word.startswith("study=") for word in arguments)
    assert talks or run.err == "", "only work that takes long says how far it is"
    assert {"--help", "plan=true"} & {*arguments} or run.folder.is_dir()


def test_the_output_is_what_the_main_job_prints(tmp_path):
    (shown,) = [text for language, text in BLOCKS if language == "text" and "Meaning: " in text]
    said = call(tmp_path, "loss=huber", "outliers=0.1", "figure=false").out
    facts, table = re.search(r"(.*?)\n  solver.*?\n\n(coefficient.*?)\n\n", shown, re.DOTALL).groups()
    assert facts in said
    assert table in said
    for line in re.findall(r"^(?:surface_error|clean_rmse|scale|instability|outlier_ap) .*$", shown, re.MULTILINE):
        assert line in said, "up to the solver's last digits"


def test_the_columns_of_a_sweeps_table_are_those_that_are_shown(tmp_path):
    (shown,) = [text for language, text in BLOCKS if language == "text" and "cells," in text]
    run = call(tmp_path, "-m", "loss=mse,mae", "outliers=0,0.1", "replicates=3", "stability=none", "figure=false")
    assert shown.splitlines()[0].split() == run.out.splitlines()[0].split()


@pytest.mark.parametrize("text", PYTHON, ids=lambda text: text.strip().splitlines()[-1].strip()[:40])
def test_code_runs(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = compile(text, "README.md", "exec", dont_inherit=True)
    exec(code, {"__name__": "readme"})  # its own asserts are the test


def test_the_readers_loss_is_there_to_be_tried(home):
    (path,) = (home / "my_configs" / "loss").glob("*.yaml")
    module = yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"].partition(".")[0]
    assert (home / f"{module}.py").is_file()


def columns(task=""):
    """The table of columns between its marks."""
    mark = f"columns {task}".strip()
    (table,) = re.findall(rf"<!-- {mark} -->\n(.*?)\n<!-- /{mark} -->", README, re.DOTALL)
    return table


def test_the_table_of_columns_is_that_of_the_code():
    assert columns() == report.columns_table(), "paste what `print(robustfit.report.columns_table())` prints"


@pytest.mark.parametrize("task", ["classification", "boxes"])
def test_the_tables_of_other_tasks_are_those_of_the_code(task):
    assert columns(task) == report.columns_table(task, beyond="regression")


def test_the_table_of_losses_has_every_loss_and_its_constant():
    cells = [line.split("|") for line in README.splitlines() if line.count("|") == 6]
    rows = {row[1].strip(" `"): row for row in cells}
    for name in fitting("loss", "regression"):
        constants = {key: value for key, value in spec("loss", name).items() if key != "_target_"}
        assert all(f"`{key}` = {value:g}" in rows[name][3] for key, value in constants.items()), name


@pytest.mark.parametrize("task", ["classification", "boxes"])
def test_every_loss_of_a_task_is_in_a_table(task):
    told = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    assert set(fitting("loss", task)) <= told


def test_every_file_that_is_shown_or_linked_is_there():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_override_that_is_mentioned_exists(tmp_path):
    mentioned = set(re.findall(r"`((?:loss|scale|solver|initial)[.\w]*=[.\w]+(?: [.\w]+=[.\w]+)*)`", README))
    assert "loss.delta=1 scale=fixed" in mentioned
    for words in mentioned:
        tasks = ([], ["task=classification"])
        assert any(call(tmp_path, *task, *words.split(), "figure=false").code == 0 for task in tasks), words
