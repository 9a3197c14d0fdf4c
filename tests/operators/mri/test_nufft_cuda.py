"""What is asked of cufinufft, by a stand-in for it on the CPU, and what is said where it is missing."""

import sys
from types import SimpleNamespace

import finufft
import pytest
import torch

from recon.operators import NUFFT, Trajectory
from recon.operators.mri.kernels import nufft_cuda
from recon.operators.mri.kernels.nufft import PointPlans, tolerance


class Plan:
    """cufinufft.Plan on tensors of the CPU, with the checks that it makes itself."""

    made = 0

    def __init__(self, kind, modes, n_trans, eps, isign, dtype, *, gpu_device_id, gpu_stream, upsampfac):
        Plan.made += 1
        assert gpu_device_id == 0
        assert gpu_stream == 17
        self.plan = finufft.Plan(kind, modes, n_trans, eps, isign, dtype, upsampfac=upsampfac)
        self.real = torch.float32 if dtype == "complex64" else torch.float64

    def setpts(self, *points):
        assert all(row.dtype == self.real for row in points)
        self.plan.setpts(*(row.numpy() for row in points))

    def execute(self, data, out):
        assert data.is_contiguous()
        assert out.is_contiguous()
        self.plan.execute(data.numpy(), out.numpy())


@pytest.fixture
def cufinufft(monkeypatch):
    monkeypatch.setattr(nufft_cuda, "load_cufinufft", lambda: SimpleNamespace(Plan=Plan))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=17))
    Plan.made = 0


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_all_items_are_transformed_at_once_by_plans_that_are_kept(cufinufft, dtype):
    shape, trajectory = (8, 9), Trajectory.radial(5, 12)
    A = NUFFT(shape, trajectory)
    plans, eps = PointPlans(shape, trajectory.points.flatten(1), None)._cuda, tolerance(dtype, None)
    close = 1e-4 if dtype == torch.complex64 else 1e-12
    for _ in range(2):
        for items in (1, 3):
            x = torch.randn(items, *shape, dtype=dtype, generator=torch.Generator().manual_seed(items))
            y = plans.transform(2, eps, x, x.new_empty(items, 60))
            torch.testing.assert_close(A.scale * y, A(x).flatten(1), atol=close, rtol=0)
            z = plans.transform(1, eps, y, x.new_empty(items, *shape))
            torch.testing.assert_close(A.scale * z, A.adjoint(y.reshape(items, 5, 12)), atol=60 * close, rtol=0)
    assert Plan.made == 4
    x = torch.zeros(5, *shape, dtype=dtype)
    plans.transform(2, eps, x, x.new_empty(5, 60))
    assert len(plans.kept) == nufft_cuda.KEPT
    empty = x[:0]
    assert plans.transform(2, eps, empty, empty.new_empty(0, 60)).shape == (0, 60)


def test_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "cufinufft", None)
    with pytest.raises(RuntimeError, match=r"pip install 'recon-imaging\[cufinufft\]', or move the tensors to the CPU"):
        nufft_cuda.load_cufinufft.__wrapped__()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_and_cpu_agree():
    pytest.importorskip("cufinufft")
    A = NUFFT((64, 60), Trajectory.golden_angle(30, 64))
    for dtype, close in ((torch.complex64, 1e-4), (torch.complex128, 1e-11)):
        x = torch.randn(3, 64, 60, dtype=dtype)
        y = A(x)
        torch.testing.assert_close(A(x.cuda()).cpu(), y, atol=close, rtol=0)
        torch.testing.assert_close(A.adjoint(y.cuda()).cpu(), A.adjoint(y), atol=close, rtol=0)
