"""What runs on a CUDA device against the CPU, through the ops and through the operators."""

import math
from dataclasses import replace

import pytest
import torch

from recon.operators import (
    ConeBeam,
    FanBeam,
    FilteredBackprojection,
    OutOfCore,
    ParallelBeam,
    ParallelBeam3D,
    RayTransform,
    Volume,
)
from recon.phantoms import disc
from tests.operators.ct.kernels.gpu.scans import CASES, HELIX, PLANE, SPACE, USUAL
from tests.operators.ct.kernels.gpu.test_interpreter import WAYS, check_adjointness, check_agreement

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
AROUND = [2 * math.pi * a / 90 for a in range(90)]
OPERATORS = {
    "parallel": (Volume((90, 64)), ParallelBeam(AROUND[:45], 120, 0.9)),
    "flat fan": (Volume((90, 64)), FanBeam(AROUND, 120, 150.0, 220.0, 1.5)),
    "curved fan": (Volume((90, 64)), FanBeam(AROUND, 120, 150.0, 220.0, 1.5, detector="curved")),
    "parallel in space": (Volume((20, 32, 24)), ParallelBeam3D(AROUND[:45], 24, 48)),
    "cone": (Volume((20, 32, 24)), ConeBeam(AROUND, 24, 48, 60.0, 90.0, 1.5)),
}


def on_cuda(case, way, items):
    return replaced(case).on_cpu(way, items.cuda()).cpu()


def replaced(case):
    return case._replace(table=case.table.cuda())


def both(case, data):
    return tuple(on_cuda(case, way, items) for way, items in zip(WAYS, data, strict=True))


def draw(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_the_cpu_and_its_transpose(name, dtype):
    found = both(CASES[name], CASES[name].data(dtype, range(3)))
    check_agreement(name, dtype, found, range(3))
    check_adjointness(name, dtype, found, range(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", USUAL)
def test_items_get_the_same_bits_at_every_call_and_in_any_batch(name, dtype):
    case = CASES[name]
    data = case.data(dtype, range(16))
    for way, items in zip(WAYS, data, strict=True):
        first = on_cuda(case, way, items)
        assert torch.equal(on_cuda(case, way, items.mT.contiguous().mT), first)
        assert torch.equal(torch.cat([on_cuda(case, way, item[None]) for item in items]), first)
        assert on_cuda(case, way, items[:0]).shape == (0, *first.shape[1:])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", USUAL)
def test_half_precision_is_summed_in_single(name, dtype):
    case = CASES[name]
    for way, items in zip(WAYS, case.data(dtype, range(9)), strict=True):
        expected = case.on_cpu(way, items.float())
        rounding = torch.finfo(dtype).eps / 2 * expected.abs() + 1e-5 * expected.abs().max()
        assert bool(((on_cuda(case, way, items).float() - expected).abs() <= rounding).all())


def test_more_items_than_a_grid_has_rows():
    case = CASES["rays in plane: skew rays"]
    x, y = case.data(torch.float64, [0])
    for way, items in zip(WAYS, (x, y), strict=True):
        many = replaced(case).on_cpu(way, items.cuda().expand(140_000, *items.shape[1:]))
        assert bool((many == many[:1]).all())
        torch.testing.assert_close(many[-1:].cpu(), case.on_cpu(way, items))


@pytest.mark.parametrize("name", OPERATORS)
def test_ray_transform_and_its_gradients(name):
    operator = RayTransform(*OPERATORS[name], model="joseph")
    x, y = draw(2, *operator.domain_shape), draw(2, *operator.range_shape)
    expected = operator(x)
    on_device = x.cuda().requires_grad_()
    found = operator(on_device)
    assert found.is_cuda
    torch.testing.assert_close(found.detach().cpu(), expected, rtol=0, atol=2e-5 * float(expected.abs().max()))
    (0.5 * (found - y.cuda()).square().sum()).backward()
    gradient = operator.adjoint(expected - y)
    torch.testing.assert_close(on_device.grad.cpu(), gradient, rtol=0, atol=2e-5 * float(gradient.abs().max()))
    half = operator(x.half().cuda())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float().cpu(), operator(x.half().float()), rtol=1e-3, atol=1e-2)
    part = operator.subset(range(1, 40, 3))
    assert torch.equal(part(x.cuda()), operator(x.cuda())[:, 1:40:3])


@pytest.mark.parametrize("memory", [30_000, 10**8])
def test_out_of_core(memory):
    whole = RayTransform(SPACE, HELIX, "joseph")
    pieces = OutOfCore(whole, "cuda", memory)
    x, y = draw(2, *whole.domain_shape), draw(2, *whole.range_shape)
    for found, expected in ((pieces(x), whole(x)), (pieces.adjoint(y), whole.adjoint(y))):
        assert not found.is_cuda
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", OPERATORS)
def test_filtered_backprojection(name):
    volume, geometry = OPERATORS[name]
    operator = FilteredBackprojection(RayTransform(volume, geometry))
    y, x = draw(2, *operator.domain_shape), draw(2, *operator.range_shape)
    found, back = operator(y.cuda()), operator.adjoint(x.cuda())
    assert found.is_cuda
    assert torch.equal(operator(y.cuda()), found)
    gap = float((found.double().cpu() * x).sum() - (y * back.double().cpu()).sum())
    assert abs(gap) <= 1e-6 * float(found.double().norm() * x.double().norm())
    if "parallel" not in name:
        expected = operator(y)
        torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=2e-5 * float(expected.abs().max()))
    half = operator(y.half().cuda())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), operator(y.half().float().cuda()), rtol=1e-3, atol=1e-4)


def test_parallel_filtered_backprojection_gives_a_disc_back():
    volume, beam = Volume((96, 96)), ParallelBeam([math.pi * a / 180 for a in range(180)], 120)
    data = disc(36.0, 0.02).line_integrals(beam).cuda()
    image = FilteredBackprojection(RayTransform(volume, beam))(data).cpu()
    inside = torch.hypot(volume.centres(1)[None], volume.centres(0)[:, None]) < 30
    assert float((image[inside] - 0.02).abs().max()) < 0.01 * 0.02


def test_a_helix_goes_by_way_of_the_cpu():
    helix = replace(HELIX, angles=tuple(a / 3 for a in range(-24, 25)), rows=8, offset=0.0)
    operator = FilteredBackprojection(RayTransform(Volume((3, 6, 6)), helix))
    y = draw(*operator.domain_shape)
    found = operator(y.cuda())
    assert found.is_cuda
    assert torch.equal(found.cpu(), operator(y))


def test_fields_and_layouts():
    operator = RayTransform(PLANE, ParallelBeam([0.3, 1.0], 15), "joseph")
    x = torch.complex(draw(3, *PLANE.shape), draw(3, *PLANE.shape)).cuda()
    torch.testing.assert_close(operator(x), torch.complex(operator(x.real), operator(x.imag)))
    torch.testing.assert_close(operator(x.conj()), operator(x).conj())
