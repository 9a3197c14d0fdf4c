"""The custom ops behind the ray transform, as torch sees them."""

import math

import pytest
import torch

from recon.operators import ParallelBeam, RayTransform, Volume
from recon.operators.ct.kernels.parallel import parallel_backproject, parallel_project
from recon.operators.ct.kernels.views import parallel_views

VIEWS = parallel_views(Volume((5, 8)), ParallelBeam([0.1, 1.5, -0.8], 9))
MODELS = ("shear", "pixel")


def draw(*shape, dtype=torch.float64, requires_grad=False):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype).requires_grad_(requires_grad)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck(model, requires_grad):
    torch.library.opcheck(
        torch.ops.recon.parallel_project, (draw(2, 5, 8, requires_grad=requires_grad), VIEWS, 9, model)
    )
    torch.library.opcheck(
        torch.ops.recon.parallel_backproject, (draw(2, 3, 9, requires_grad=requires_grad), VIEWS, 5, 8, model)
    )


@pytest.mark.parametrize("model", MODELS)
def test_the_two_ops_are_transposes(model):
    pixels, rays = torch.eye(40, dtype=torch.float64), torch.eye(27, dtype=torch.float64)
    matrix = parallel_project(pixels.view(40, 5, 8), VIEWS, 9, model).reshape(40, 27).T
    transpose = parallel_backproject(rays.view(27, 3, 9), VIEWS, 5, 8, model).reshape(27, 40).T
    assert matrix.any()
    torch.testing.assert_close(transpose, matrix.T, rtol=0, atol=1e-15)


def test_interpolating_backprojection_reads_a_polynomial_where_the_pixels_are():
    """Exact for a view of degree 1: 6-point interpolation and the row-wise linear one both reproduce it."""
    volume, beam = Volume((6, 9), (0.7, 1.2), (0.2, -0.5)), ParallelBeam([0.4, 2.0], 60, 0.5, 0.1)
    sinogram = (0.3 * beam.positions() - 2.0).repeat(1, 2, 1)
    sinogram[0, 1] = 0.0
    image = parallel_backproject(sinogram, parallel_views(volume, beam), 6, 9, "pixel")[0]
    y, x = volume.centres(0)[:, None], volume.centres(1)[None]
    torch.testing.assert_close(image, 0.3 * (x * math.cos(0.4) + y * math.sin(0.4)) - 2.0)


@pytest.mark.parametrize("model", MODELS)
def test_input_of_any_layout(model):
    x, y = draw(2, 8, 5), draw(2, 9, 3)
    plain = parallel_project(x.mT.contiguous(), VIEWS, 9, model)
    assert torch.equal(parallel_project(x.mT, VIEWS, 9, model), plain)
    assert torch.equal(
        parallel_backproject(y.mT, VIEWS, 5, 8, model), parallel_backproject(y.mT.contiguous(), VIEWS, 5, 8, model)
    )
    assert parallel_project(x[:0].mT, VIEWS, 9, model).shape == (0, 3, 9)
    assert parallel_backproject(y[:0].mT, VIEWS, 5, 8, model).shape == (0, 5, 8)


def test_refuses_other_precisions_and_models():
    with pytest.raises(TypeError, match=r"^projection kernels expect float32 or float64, got torch.float16.$"):
        parallel_project(torch.ones(1, 5, 8).half(), VIEWS, 9, "shear")
    with pytest.raises(ValueError, match=r"^projection kernels expect model 'shear' or 'pixel', got 'os'.$"):
        parallel_project(torch.ones(1, 5, 8), VIEWS, 9, "os")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_runs_in_a_compiled_graph():
    operator = RayTransform(Volume((5, 8)), ParallelBeam([0.1, 1.5, -0.8], 9))

    def step(x):
        y = parallel_project(x, VIEWS, 9, "shear")
        return x - 0.1 * parallel_backproject(y - 1, VIEWS, 5, 8, "shear")

    x = draw(2, 5, 8)
    compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), x - 0.1 * operator.adjoint(operator(x) - 1))
