"""Every claim, in a quick look: complete, and not against the report that is committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments import __main__ as experiments
from robustfit import claims_report
from robustfit.claims import DOCUMENTS, SECTIONS, Quantifier, Verdict, judge
from robustfit.engines import Serial
from robustfit.laboratory import Laboratory

ROOT = Path(__file__).parents[2]
CLAIMS = experiments.found()
COMMITTED = claims_report.verdicts((ROOT / "results" / "CLAIMS.md").read_text(encoding="utf-8"))

SHAPES = """
mse-squares-errors mse-gradient-vanishes mse-gradient-explodes mae-gradient-constant mae-kink mae-more-stable
smooth-l1-bounds-gradient smooth-l1-gentler smooth-l1-pieces smooth-l1-is-huber huber-is-beta-smooth-l1
smooth-l1-limits norms-are-means-times-n mse-is-euclidean keras-regression-values reductions target-scaling box-formulas
""".split()

CLASSIFICATION = """
keras-cross-entropy-values mse-class-example cross-entropy-is-likelihood cross-entropy-exponential softmax-is-sigmoid
sigmoid-mse-slow same-mse-other-accuracy hinge-robust hinge-zero-when-correct hinge-is-svm zero-one-nonconvex
perceptron-uses-zero-one focal-gamma-zero focal-modulation focal-factors focal-best focal-imbalance focal-faster
""".split()

BOXES = """
same-smooth-l1-other-iou coordinates-independent iou-loss iou-evolution l1-l2-similar-for-boxes
""".split()

each_claim = pytest.mark.parametrize("name", CLAIMS)


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    """Shared by the processes that run the tests: studies bear that."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "popen-gw" in base.name else base) / "claims"


@each_claim
def test_a_claim_says_all_that_it_must(name):
    claim = CLAIMS[name]
    assert claim.id == name == name.lower() and claim.section in SECTIONS
    assert claim.quotes and all(quote.document in DOCUMENTS and quote.sentence for quote in claim.quotes)
    assert all(quote.translation or quote.sentence.isascii() for quote in claim.quotes)
    assert isinstance(claim.quantifier, Quantifier)
    assert claim.statement.endswith(".") and claim.scope and claim.margin and not claim.margin.endswith(".")


@pytest.mark.slow
@each_claim
def test_a_quick_look_is_complete_and_does_not_contradict(name, place):
    """One test for all of it, since the numbers are what takes time."""
    found = judge(CLAIMS[name], Laboratory(place, Serial(), quick=True, silent=True))
    evidence, names = found.evidence, [one.condition.name for one in found.findings]
    assert not evidence.missing and evidence.conditions and evidence.key
    assert len(set(names)) == len(names), "two conditions have one name"
    assert found.verdict is not Verdict.depends or evidence.pictures, "both sides are to be shown"
    for verdict in Verdict:
        words = evidence.meaning(verdict)
        assert words.endswith(".") and "nan" not in words.split()
    assert name in COMMITTED, "rebuild the report: python -m experiments claims=all"
    assert found.verdict.value in (COMMITTED[name], "undecided")


def test_the_report_has_the_claims_that_there_are():
    assert list(COMMITTED) == list(CLAIMS)


@pytest.mark.parametrize(("section", "names"), [("A", SHAPES), ("D", CLASSIFICATION), ("E", BOXES)])
def test_no_claim_is_left_out(section, names):
    assert set(names) == {name for name, claim in CLAIMS.items() if claim.section == section}


def test_the_report_is_the_same_for_the_same_rows(place, tmp_path):
    names = ["mae-more-stable", "smooth-l1-is-huber"]
    for folder in ("one", "other"):
        lab = Laboratory(place, Serial(), quick=True, silent=True)
        claims_report.write([judge(CLAIMS[name], lab) for name in names], tmp_path / folder)
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / f).rglob("*.*")} for f in ("one", "other"))
    assert one == other and len(one) == 4


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "experiments", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["claims=mae-kin"], "no claim 'mae-kin' (did you mean 'mae-kink'?); there are:"),
        (["claim=all"], "no setting 'claim' (did you mean 'claims='?)"),
        (["claims=all", "quick=yes"], "quick=yes: must be true or false"),
        (["claims=all", "engine=cloud"], "no engine 'cloud'"),
        (["quick=true"], "claims=: say which, or all"),
    ],
)
def test_a_mistake_is_said_in_one_line(words, said):
    done = run(*words)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("experiments: ") and said in done.stderr and done.stderr.count("\n") == 1


def test_one_claim_alone(tmp_path):
    done = run("claims=keras_regression_values", f"out={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "### keras-regression-values: supported" in done.stdout
    page = tmp_path / "claims" / "alone" / "keras-regression-values" / "claims.html"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_without_rows_it_is_undecided_and_says_so(tmp_path):
    done = run("claims=mae_more_stable", "compute=false", f"out={tmp_path}")
    assert done.returncode == 1
    assert "mae-more-stable: undecided" in done.stdout and "are missing" in done.stdout


def test_an_incomplete_report_does_not_take_the_place_of_the_whole_one(tmp_path):
    lab = Laboratory(tmp_path / "claims", Serial(), compute=False, silent=True)
    found = [judge(CLAIMS[name], lab) for name in ("keras-regression-values", "mae-more-stable")]
    assert experiments.place(found[:1], quick=False) == "."
    assert experiments.place(found[:1], quick=True) == "claims/quick"
    assert experiments.place(found, quick=False) == experiments.place(found, quick=True) == "claims/incomplete"


def test_help_lists_the_claims():
    done = run("--help")
    assert done.returncode == 0 and all(name in done.stdout for name in CLAIMS)
