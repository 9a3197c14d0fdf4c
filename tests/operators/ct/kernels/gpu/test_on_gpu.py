"""What is said where a GPU cannot be used."""

import sys

import pytest
import torch

from recon.operators import ParallelBeam, RayTransform, Volume
from recon.operators.ct.kernels.gpu import on_gpu
from recon.operators.ct.kernels.rays import require_pencils
from tests.operators.ct.kernels.gpu.scans import CASES


def test_a_missing_triton_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    case = CASES["rays in plane: parallel"]
    with pytest.raises(RuntimeError, match="needs Triton, which is not installed here: install triton"):
        on_gpu("project")(torch.ones(1, *case.shape), case.table, case.constant, case.detector)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("rays")])
def test_rays_of_every_geometry_have_a_formula(name):
    require_pencils(CASES[name].table)


@pytest.mark.parametrize("columns", [11, 18])
def test_other_rays_are_refused_by_view(columns):
    rays = torch.zeros(3, columns, dtype=torch.float64)
    rays[:, 3] = 1.0
    rays[2, -5] = 0.1
    with pytest.raises(ValueError, match="those of view 2 do neither; project on the CPU"):
        require_pencils(rays)


def test_half_precision_is_handed_to_kernels_for_gpus_alone():
    """On the CPU it is summed in single precision all the same."""
    operator = RayTransform(Volume((9, 8)), ParallelBeam([0.3, 1.0], 15), "joseph")
    x = torch.rand(9, 8, generator=torch.Generator().manual_seed(0)).half()
    assert not operator.takes_half(x)
    assert torch.equal(operator(x), operator(x.float()).half())
