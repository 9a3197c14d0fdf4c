"""deepinv's physics among our operators."""

import subprocess
import sys
import textwrap

import pytest
import torch

from recon.operators import GaussianNoise, LinearOperator, from_deepinv
from recon.operators.bridges import DeepinvLinearOperator, DeepinvOperator

physics = pytest.importorskip("deepinv.physics")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


def _kernel():
    return torch.rand((1, 1, 3, 2), generator=torch.Generator().manual_seed(0))


def test_values_are_those_of_the_physics():
    blur = physics.Blur(filter=_kernel(), padding="valid")
    op = from_deepinv(blur, (6, 7))
    x = torch.randn(2, 3, 6, 7)
    wanted = blur.A(x.reshape(6, 1, 6, 7)).reshape(2, 3, 4, 6)
    assert isinstance(op, DeepinvLinearOperator)
    assert op.range_shape == (4, 6)
    assert torch.allclose(op(x), wanted)
    assert torch.allclose(op.adjoint(wanted), blur.A_adjoint(wanted.reshape(6, 1, 4, 6)).reshape(2, 3, 6, 7))
    colour = from_deepinv(blur, (3, 6, 7))
    assert colour.range_shape == (3, 4, 6)
    assert torch.allclose(colour(x), blur.A(x))


def test_complex_images_are_two_channels_there():
    mask = (torch.rand(6, 7) > 0.4).float()
    op = from_deepinv(physics.MRI(mask=mask), (6, 7), channels="complex")
    x = torch.randn(2, 6, 7, dtype=torch.complex64)
    shift = {"dim": (-2, -1)}
    wanted = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(x, **shift), norm="ortho"), **shift) * mask
    assert (op.domain_field, op.range_field, op.range_shape) == ("complex", "complex", (6, 7))
    assert torch.allclose(op(x), wanted, atol=1e-5)
    assert "solve_normal" in op.capabilities
    with pytest.raises(TypeError, match="MRI expects a complex tensor, got float32"):
        op(x.real)


def test_the_operator_is_a_snapshot():
    mask = torch.ones(1, 1, 4, 5)
    inpainting = physics.Inpainting((1, 4, 5), mask=mask)
    op = from_deepinv(inpainting, (4, 5))
    x = torch.randn(4, 5)
    inpainting.update(mask=torch.zeros_like(mask))
    assert torch.equal(op(x), x)


def test_noise_stays_behind():
    noisy = physics.Denoising(physics.GaussianNoise(0.5, rng=torch.Generator().manual_seed(0)))
    op = from_deepinv(noisy, (4, 5))
    x = torch.randn(4, 5)
    assert torch.equal(op(x), x)
    assert torch.equal(op(x), op(x))


def test_a_wrong_adjoint_is_refused():
    doubled = physics.LinearPhysics(A=lambda x, **_: 2 * x, A_adjoint=lambda y, **_: y)
    message = (
        r"the adjoint of LinearPhysics is not its adjoint: \|⟨Ax, y⟩ − ⟨x, A\*y⟩\| is 0\.5 of ‖Ax‖‖y‖, more than the "
        r"tolerance 0\.0001; pass adjoint='autograd', or a larger tolerance to use it as it is\."
    )
    with pytest.raises(ValueError, match=message):
        from_deepinv(doubled, (4, 5))
    mended = from_deepinv(doubled, (4, 5), adjoint="autograd")
    y = torch.randn(4, 5)
    assert torch.equal(mended.adjoint(y), 2 * y)
    tolerated = from_deepinv(doubled, (4, 5), tolerance=1.0)
    assert tolerated.adjoint_error == pytest.approx(0.5, rel=1e-4)


def test_stacked_physics_measures_one_vector():
    blur, identity = physics.Blur(filter=torch.rand(1, 1, 3, 3), padding="circular"), physics.Denoising()
    op = from_deepinv(blur.stack(identity), (6, 7))
    x = torch.randn(2, 6, 7)
    assert op.range_shape == (84,)
    assert torch.allclose(op(x)[:, 42:].reshape(2, 6, 7), x)
    assert torch.allclose(op(x)[:, :42].reshape(2, 6, 7), blur.A(x[:, None])[:, 0])


def test_gradients_through_a_nonlinear_physics():
    op = from_deepinv(physics.Physics(A=lambda x, **_: x.abs().square()), (3, 4))
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert isinstance(op, DeepinvOperator)
    assert not isinstance(op, LinearOperator)
    op(x).sum().backward()
    assert torch.allclose(x.grad, 2 * x.detach())
    w = torch.randn(2, 3, 4, dtype=torch.float64)
    assert torch.allclose(op.vjp(x.detach(), w), 2 * x.detach() * w)


def test_closed_form_solution():
    mask = (torch.rand(4, 5) > 0.5).double()
    op = from_deepinv(physics.Inpainting((1, 4, 5), mask=mask), (4, 5))
    b, rho = torch.randn(3, 4, 5, dtype=torch.float64), torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    assert torch.allclose(op.solve_normal(b, rho), b / (mask + rho[:, None, None]))
    data = GaussianNoise(0.1).sample(op(b))
    assert op.solve_normal(op.adjoint(data), 0.5).shape == (3, 4, 5)


def test_errors():
    with pytest.raises(TypeError, match=r"from_deepinv expects a deepinv.physics.Physics, got Linear\."):
        from_deepinv(torch.nn.Linear(3, 3), (3,))
    with pytest.raises(ValueError, match="from_deepinv expects channels 'own', 'single' or 'complex', got 'grey'"):
        from_deepinv(physics.Denoising(), (3, 4), channels="grey")
    with pytest.raises(ValueError, match="from_deepinv expects adjoint 'physics' or 'autograd', got 'exact'"):
        from_deepinv(physics.Denoising(), (3, 4), adjoint="exact")


def test_rooms_import_without_the_other_libraries():
    code = """
        import sys
        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in ("deepinv", "odl"):
                    raise ImportError(f"{name} is blocked")
        sys.meta_path.insert(0, Blocker())
        from recon.operators import deepinv_denoiser, from_deepinv, from_odl, to_deepinv, to_odl
        import recon.priors, recon.solvers, recon.testing
        assert not {"deepinv", "odl"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_a_physics_of_single_precision_stays_one():
    tomography = physics.Tomography(angles=7, img_width=16, normalize=False)
    op = from_deepinv(tomography, (16, 16))
    x = torch.randn(2, 16, 16, dtype=torch.float64)
    assert op.held.single
    assert op(x).dtype == torch.float64
    assert torch.allclose(op(x).float(), tomography.A(x.float()[:, None])[:, 0], atol=1e-5)
    blur = from_deepinv(physics.Blur(filter=_kernel(), padding="valid"), (6, 7))
    assert not blur.held.single


def test_complex_physics():
    retrieval = physics.RandomPhaseRetrieval(m=9, img_size=(1, 2, 3), rng=torch.Generator().manual_seed(0))
    op = from_deepinv(retrieval, (2, 3), field="complex")
    x = torch.randn(4, 2, 3, dtype=torch.complex64)
    assert (op.domain_field, op.range_field, op.range_shape) == ("complex", "real", (9,))
    assert torch.allclose(op(x), retrieval.A(x[:, None]))
