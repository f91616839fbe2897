"""Flipped labels and rare classes: what the samples are, and measures by scikit-learn."""

from __future__ import annotations

import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score

from experiments import flipped, rare_classes
from experiments.crowded_classes import EASY, CrowdedClasses
from experiments.samples import cell, drawn, fitted
from robustfit.data import Streams


@pytest.mark.parametrize("kind", flipped.KINDS)
def test_marked_rows_carry_the_wrong_label(kind):
    data = drawn({**flipped.SAMPLE, "loss": "hinge", **flipped.KINDS[kind], "outliers": 0.2}, 4)
    assert (data.outliers.sum(-1) == 20).all()
    surface = data.X @ data.truth.coef
    if kind == "far out":
        assert (data.y * surface < 0)[data.outliers].mean() > 0.99
    else:
        assert (data.y != data.y_clean)[data.outliers].all()
    assert (data.y == data.y_clean)[~data.outliers].all()


def test_focal_with_gamma_zero_is_cross_entropys_fit():
    settings = {**rare_classes.FITTED, **rare_classes.NORMAL, "scenario.share": 0.2}
    data = rare_classes.drawn(settings, 2)
    both = [
        fitted({**settings, **loss}, data).coef
        for loss in ({"loss": "cross_entropy"}, {"loss": "focal", "loss.gamma": 0.0, "loss.alpha": 0.5})
    ]
    assert both[0] == pytest.approx(both[1], abs=1e-6)


def test_fits_are_judged_by_clean_labels_of_other_rows(monkeypatch):
    """By scikit-learn's measures, of the fit to the first rows."""
    monkeypatch.setattr(rare_classes, "ROWS", 80)
    monkeypatch.setattr(rare_classes, "NEW", 300)
    origin = "normal classes, 5 % of the labels flipped"
    found = rare_classes.judged(origin, 0.2, [(2.0, 0.5)], 2)
    fixed = rare_classes.FITTED | rare_classes.ORIGINS[origin] | {"scenario.share": 0.2, "scenario.n_samples": 380}
    data = rare_classes.drawn(fixed, 2)
    assert data.outliers.sum() == 2 * 19
    coef = fitted({**fixed, "loss.alpha": 0.5}, rare_classes.first(data, 80)).coef
    scores, true = (data.X_clean @ coef[..., None])[:, 80:, 0], data.y_clean[:, 80:]
    for i in range(2):
        assert found["precision"][i] == pytest.approx(average_precision_score(true[i] > 0, scores[i]))
        assert found["accuracy"][i] == pytest.approx(balanced_accuracy_score(true[i] > 0, scores[i] > 0))


def test_a_crowd_lies_where_it_is_said_to():
    """2000 rows: shares within three standard errors, the centre of the crowd within 0.1."""
    data = CrowdedClasses(n_samples=2000, share=0.25, easy=0.8).draw(Streams.spawn(seed=0, block=0), 1)
    features, positive = data.X[0, :, 1:], data.y[0] > 0
    assert positive.mean() == pytest.approx(0.25, abs=3 * (0.25 * 0.75 / 2000) ** 0.5)
    crowd = features[~positive & (features[:, 1] > 2.2)]
    assert len(crowd) / (~positive).sum() == pytest.approx(0.8, abs=0.05)
    assert crowd.mean(0) == pytest.approx(EASY, abs=0.15)


def test_the_crowd_can_be_a_cell():
    settings = {**rare_classes.CROWDED, **rare_classes.FITTED, "scenario.share": 0.3}
    assert cell(settings).settings["scenario"] == "crowded_classes"
