import pytest
import skimage.data
import torch

from recon.estimate import estimate_kspace_sigma, estimate_sigma
from recon.files import DataError


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sigma", [0.01, 3.0])
def test_white_noise_on_a_smooth_signal(sigma: float) -> None:
    y, x = torch.meshgrid(torch.linspace(0, 1, 128), torch.linspace(0, 2, 128), indexing="ij")
    data = 5 + 3 * x + y + sigma * noise(128, 128)
    assert estimate_sigma(data) == pytest.approx(sigma, rel=0.03)


def test_edges_raise_the_estimate_but_little() -> None:
    data = torch.zeros(128, 128, dtype=torch.float64)
    data[30:90, 40:100] = 100.0
    assert estimate_sigma(data + 0.5 * noise(128, 128)) == pytest.approx(0.5, rel=0.05)


def test_smooth_signals_pass_through_no_matter_how_bent() -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    bent = 400 * (x**3 * y**3 + x**2 * y)
    assert estimate_sigma((bent + 0.01 * noise(64, 64)).double()) == pytest.approx(0.01, rel=0.05)


def test_texture_of_a_photograph_raises_the_estimate_but_little() -> None:
    image = torch.from_numpy(skimage.data.camera() / 255)
    assert estimate_sigma(image + 0.05 * noise(512, 512)) == pytest.approx(0.05, rel=0.06)


def test_kspace_is_judged_by_its_outermost_samples() -> None:
    """Half of the lines and a full centre; differences of neighbours there are those of the signal."""
    axis = torch.arange(96, dtype=torch.float64) - 48
    radius = (axis[:, None].square() + axis.square()).sqrt()
    signal = 40 * torch.exp(-radius / 6) * noise(96, 96)
    clutter = torch.complex(0.2 * noise(96, 96), 0.2 * torch.flip(noise(96, 96), (0,)))
    lines = (torch.arange(96) % 2 == 0) | (axis.abs() < 12)
    data = torch.where(lines[:, None], signal + clutter, 0)
    assert estimate_kspace_sigma(data, radius) == pytest.approx(0.2, rel=0.1)
    assert estimate_sigma(data) > 0.3
    with pytest.raises(DataError, match="too few samples to estimate sigma"):
        estimate_kspace_sigma(data[:8, :8], radius[:8, :8])


def test_complex_noise_is_that_of_each_part() -> None:
    data = torch.complex(0.2 * noise(64, 64), 0.2 * torch.flip(noise(64, 64), (0,)))
    assert estimate_sigma(data) == pytest.approx(0.2, rel=0.05)


def test_zeros_are_not_measured() -> None:
    data = 0.3 * noise(128, 128)
    data[torch.rand(128, 128, generator=torch.Generator().manual_seed(1)) < 0.4] = 0
    assert estimate_sigma(data) == pytest.approx(0.3, rel=0.1)


def test_single_lines_of_k_space_and_vectors_use_differences_along_them() -> None:
    data = torch.zeros(64, 64, dtype=torch.float64)
    data[::3] = 0.3 * noise(22, 64)
    assert estimate_sigma(data) == pytest.approx(0.3, rel=0.05)
    assert estimate_sigma(data.mT) == pytest.approx(0.3, rel=0.05)
    assert estimate_sigma(0.1 * noise(4000)) == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (torch.ones(32, 32), "scan seems to hold no noise, sigma comes out as 0; give it as a number."),
        (torch.ones(3, 3), "scan has too few measured neighbours to estimate sigma; give it as a number."),
        (torch.zeros(64, 64), "scan has too few measured neighbours to estimate sigma; give it as a number."),
    ],
)
def test_what_cannot_be_estimated(data: torch.Tensor, message: str) -> None:
    with pytest.raises(DataError) as error:
        estimate_sigma(data, "scan")
    assert str(error.value) == message
