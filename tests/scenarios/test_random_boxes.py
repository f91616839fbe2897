"""Boxes from features: valid whatever the noise, linear without it, of many shapes."""

from itertools import combinations

import numpy as np
import pytest

from robustfit.catalogue import make, names
from robustfit.data import Streams
from robustfit.errors import BadParameter
from robustfit.losses.boxes.base import centres_and_sizes
from robustfit.losses.boxes.ciou import CIoU
from robustfit.losses.boxes.diou import DIoU
from robustfit.losses.boxes.giou import GIoU
from robustfit.losses.boxes.iou import IoU
from robustfit.noises.normal import Normal
from robustfit.scenarios.random_boxes import RandomBoxes


def drawn(replicates: int = 40, **changed):
    return RandomBoxes(**changed).draw(Streams.spawn(3, 0), replicates)


@pytest.mark.parametrize("noise", names("scenario/noise"))
@pytest.mark.parametrize("sigma", [1.0, 500.0])
def test_boxes_are_valid_whatever_the_noise(noise, sigma):
    y = drawn(noise=make("scenario/noise", noise, sigma=sigma)).y
    assert np.isfinite(y).all()
    assert (y[..., 0] <= y[..., 2]).all() and (y[..., 1] <= y[..., 3]).all()


@pytest.mark.parametrize("q", [1, 2, 3, 6])
@pytest.mark.parametrize("variation", [0.0, 0.7, 0.95])
def test_true_sizes_are_positive_and_vary_as_stated(q, variation):
    data = drawn(n_features=q, variation=variation, spread=30.0, replicates=200)
    sizes = centres_and_sizes(data.X @ data.truth.coef)
    assert sizes[..., 2].min() >= 160.0 * (1 - variation) - 1e-9
    assert sizes[..., 3].min() >= 120.0 * (1 - variation) - 1e-9
    count = sizes[..., 0].size
    for place, (middle, spread) in enumerate(
        [(320, 30), (240, 30), (160, 160 * variation / 3**0.5), (120, 120 * variation / 3**0.5)]
    ):
        assert abs(sizes[..., place].mean() - middle) < 5 * spread / np.sqrt(count) + 1e-9
        assert sizes[..., place].std() == pytest.approx(spread, rel=0.03)


def test_errors_of_corners_are_those_of_centre_and_size():
    """A corner is centre minus or plus half a size: variance 1.25 sigma^2, unbiased, correlated as 3 / 5."""
    data = drawn(noise=Normal(2.0), variation=0.2, replicates=200)
    errors = (data.y - data.X @ data.truth.coef).reshape(-1, 4)
    n = len(errors)
    assert np.abs(errors.mean(0)).max() < 5 * np.sqrt(5.0 / n)
    covariance = 4.0 * np.kron([[1.25, 0.75], [0.75, 1.25]], np.eye(2))
    assert np.abs(np.cov(errors.T) - covariance).max() < 5 * 5.0 * np.sqrt(2.0 / n)


def test_overlap_losses_differ_on_these_boxes():
    """Sizes and shapes vary, so that a fit of the mean box costs each of them something else."""
    y = drawn().y
    middle = np.broadcast_to(y.mean((0, 1)), y.shape)
    iou, giou, diou, ciou = (loss.value(y, middle) for loss in (IoU(), GIoU(), DIoU(), CIoU()))
    assert min(np.abs(one - other).mean() for one, other in combinations((iou, giou, diou), 2)) > 0.05
    assert (ciou - diou > 0.01).mean() > 0.1, "the aspect ratio has a say, though CIoU gives it little weight"
    size = centres_and_sizes(y)[..., 2:]
    ratio = size[..., 0] / size[..., 1]
    assert np.quantile(ratio, 0.05) < 0.6 and np.quantile(ratio, 0.95) > 2.5, "from tall to wide"


@pytest.mark.parametrize("wrong", [{"width": 0.0}, {"height": -1.0}, {"variation": 1.0}, {"spread": -1.0}])
def test_parameters_out_of_range_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(BadParameter, match=f"^{name}="):
        RandomBoxes(**wrong)
