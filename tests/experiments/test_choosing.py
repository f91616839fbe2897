"""The guide: its oracle, its ratios, and that its words follow its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from experiments import choosing
from experiments.choosing import CONVEX, DISTANCES, FRACTIONS, HEAVY, LOSSES, ONE, OTHERS, SHOWN, SPOILT, Errors
from experiments.samples import cell
from robustfit.claims_report import markdown
from robustfit.engines import Serial
from robustfit.errors import RobustfitError
from robustfit.laboratory import Laboratory


@pytest.fixture
def errors():
    """Made up: every loss has its own size, and fractions and kinds make it larger."""
    rng = np.random.default_rng(0)
    base = 1 + 0.1 * rng.random(40)
    size = {loss: 1 + 0.1 * place for place, loss in enumerate(LOSSES)}
    far = {kind: 1.0 if place < 3 else 8.0 for place, kind in enumerate(SPOILT)}
    spoilt = {
        (loss, kind, fraction): base * size[loss] * far[kind] * (1 + fraction)
        for loss in LOSSES
        for kind in SPOILT
        for fraction in FRACTIONS
    }
    return Errors(
        clean={(loss,): base * size[loss] for loss in LOSSES},
        spoilt=spoilt,
        oracle={(fraction,): base for fraction in (ONE, *FRACTIONS)},
        tails={(loss, noise): base / size[loss] for loss in LOSSES for noise in HEAVY},
        far={(loss, distance): base * distance for loss in LOSSES for distance in DISTANCES},
    )


def test_the_oracle_is_least_squares_on_the_rows_that_were_not_spoilt():
    shared = {**choosing.ESTIMATOR, "loss": "mse", "outliers": SHOWN}
    spoilt = cell(shared | {"contamination": choosing._spoilt("bad_leverage")}).draw(0)[0]
    removed = cell(shared | choosing.REMOVED)
    data = removed.draw(0)[0].take(slice(0, 3))
    found = removed.estimator.fit(data.X, data.y).coef
    for i in range(3):
        keep = ~spoilt.outliers[i]
        coef = np.linalg.lstsq(spoilt.X[i, keep], spoilt.y[i, keep], rcond=None)[0]
        assert found[i] == pytest.approx(coef, rel=1e-9)


def test_ratios_are_of_the_means_of_the_same_samples(errors):
    assert errors.times("mae", "one_sided", 0.2).value == pytest.approx(1.1 * 1.2)
    assert errors.times("mae", "one_sided", 0.2).mcse == pytest.approx(0.0, abs=1e-12)
    assert errors.saved("mae", "cluster", 0.2).value == pytest.approx(1.1)
    assert errors.cost("huber").value == pytest.approx(1.2)
    assert errors.heavy("huber", "t").value == pytest.approx(1 / 1.2)
    assert errors.distant("huber", 30.0).value == pytest.approx(30.0)


def test_samples_are_in_the_order_of_their_replicates_and_of_one_cell():
    rows = pd.DataFrame({"cell": "a", "loss": "mse", "replicate": [1, 0], "surface_error": [2.0, 1.0]})
    assert list(choosing._samples(rows, "loss")["mse",]) == [1.0, 2.0]
    with pytest.raises(RobustfitError, match="do not tell the cells apart"):
        choosing._samples(rows.assign(cell=["a", "b"]), "loss")


def test_the_losses_are_told_apart_by_what_they_are():
    assert set(CONVEX) == {"mse", "mae", "huber", "log_cosh"} and set(CONVEX) | set(OTHERS) == set(LOSSES)


def test_the_words_follow_the_numbers(errors):
    text = markdown(choosing.guide(replace(errors, oracle={key: value[::-1] for key, value in errors.oracle.items()})))
    assert "Good leverage: rows far out in a feature (10 widths) whose targets are right | mse | 1.1" in text
    assert "| none copes (mse) | 8.8" in text
    assert "mse is the safest choice here" in text
    assert "The dearest is welsch: 1.6" in text
    assert "Student's t with 3 degrees of freedom: welsch does best" in text
    assert "nan" not in text and "| - |" not in text


@pytest.mark.slow
def test_the_studies_give_what_theory_says_and_the_same_file_each_time(tmp_path):
    """On clean data the mean error goes as the root of the variance: Huber 0.95, LAD 2 / pi; n = 100, 64 samples."""
    lab = Laboratory(tmp_path, Serial(), quick=True, silent=True)
    found = Errors.of(lab)
    assert found.cost("huber").value == pytest.approx(0.95**-0.5, abs=0.06)
    assert found.cost("mae").value == pytest.approx((np.pi / 2) ** 0.5, abs=0.2)
    one, other = ([file.read_bytes() for file in choosing.write(lab, tmp_path / name)] for name in ("one", "other"))
    assert one == other
