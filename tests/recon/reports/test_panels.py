"""What the panels of a preview draw of an array."""

import numpy as np
import pytest
import torch

from recon.reports.panels import comparable, kind_of, log_kspace, reduced, robust_window


def test_middle_slice_of_a_volume():
    x = torch.arange(5 * 2 * 3.0).reshape(5, 2, 3)
    shown = reduced(x, color=False)
    assert np.array_equal(shown.values, x[2].numpy())
    assert shown.note == "slice 2 of 5"


def test_colours_go_last():
    x = torch.rand(3, 4, 5)
    assert np.array_equal(reduced(x, color=True).values, x.double().movedim(0, -1).numpy())


def test_magnitude_of_complex_numbers():
    shown = reduced(torch.tensor([[3 + 4j, -1]]), color=False)
    assert shown.values.tolist() == [[5, 1]]
    assert shown.note == "magnitude"


def test_kspace_is_the_logarithm_of_the_root_sum_of_squares():
    k = torch.tensor([[[3.0, 0, 10]], [[4.0, 0, 0]]]).to(torch.complex64)
    shown = log_kspace(k)
    assert shown.values[0, [0, 2]] == pytest.approx([np.log10(5), 1])
    assert np.isnan(shown.values[0, 1])
    assert shown.note == "2 coils, root sum of squares"


def test_window_leaves_out_what_is_not_finite():
    values = np.append(np.linspace(0, 100, 1001), [np.nan, np.inf])
    assert robust_window(values) == pytest.approx((0.5, 99.5))
    assert robust_window(np.full(5, 2.0)) == (1.5, 2.5)
    assert robust_window(np.array([np.nan])) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("data", "image", "color", "kind"),
    [
        (torch.zeros(181, 640), torch.zeros(512, 512), False, "sinogram"),
        (torch.zeros(64, 64), torch.zeros(64, 64), False, "image"),
        (torch.zeros(32, 48), torch.zeros(64, 96), False, "image"),
        (torch.zeros(8, 9, 9, dtype=torch.complex64), torch.zeros(9, 9), False, "kspace"),
        (torch.zeros(3, 64, 64), torch.zeros(3, 64, 64), True, "image"),
        (torch.zeros(50), torch.zeros(90), False, "image"),
    ],
)
def test_kind_of_data(data, image, color, kind):
    assert kind_of(data, image, color) == kind


def test_data_with_the_meaning_of_an_image_shares_its_window():
    image = np.linspace(0, 1, 100)
    assert comparable(0.9 * image + 0.05, (0.0, 1.0))
    assert not comparable(100 * image, (0.0, 1.0))
    assert not comparable(0.01 * image, (0.0, 1.0))
