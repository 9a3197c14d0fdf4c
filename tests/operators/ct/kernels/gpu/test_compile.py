"""Triton kernels compile for the GPUs that are meant, where there is none."""

import os
import re

import pytest
import torch

triton = pytest.importorskip("triton")
pytestmark = pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="Triton interprets")

PLANE_TILE, SPACE_TILE = {"HEIGHT": 8, "WIDTH": 16}, {"PLANES": 4, "WIDTH": 32}
KERNELS = {
    ("plane_kernels", "project"): {"BINS": 128},
    ("plane_kernels", "backproject"): PLANE_TILE,
    ("space_kernels", "project"): {"ROWS": 4, "BINS": 32},
    ("space_kernels", "backproject"): SPACE_TILE,
    ("pixels_plane_kernels", "project"): {"POWER": 2.0, "BINS": 128},
    ("pixels_plane_kernels", "backproject"): {"POWER": 2.0, **PLANE_TILE},
    ("pixels_space_kernels", "project"): {"POWER": 2.0, "ROWS": 4, "BINS": 32},
    ("pixels_space_kernels", "backproject"): {"POWER": 2.0, **SPACE_TILE},
}
STORED = {torch.float32: "*fp32", torch.float64: "*fp64", torch.bfloat16: "*bf16", torch.float16: "*fp16"}
ITEMS = {torch.float32: (4, 2, 1), torch.float64: (2, 1), torch.bfloat16: (8, 4, 2, 1), torch.float16: (8, 1)}


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


def compiled(module, name, capability, pointers, constants):
    from importlib import import_module

    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from recon.operators.ct.kernels.gpu.compile import OPTIONS

    kernel = getattr(import_module(f"recon.operators.ct.kernels.gpu.{module}"), name)
    kinds = {"tl.int32": "i32", "tl.constexpr": "constexpr"}
    written = kernel.fn.__annotations__
    signature = {argument: kinds.get(written[argument]) or pointers[argument] for argument in kernel.arg_names}
    aligned = {(n,): [["tt.divisibility", 16]] for n, kind in enumerate(signature.values()) if kind.startswith("*")}
    source = ASTSource(kernel, signature, constexprs=constants, attrs=aligned)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=OPTIONS)


def variant(module, name, capability, dtype, items, **others):
    from recon.operators.ct.kernels.gpu.compile import real_of

    real = "*fp64" if dtype == torch.float64 else "*fp32"
    pointers = dict.fromkeys(("image", "turned", "sinogram", "out"), STORED[dtype])
    pointers |= dict.fromkeys(("lines", "inverse", "table"), real) | {"axes": "*i32"}
    constants = {**KERNELS[module, name], **others, "REAL": real_of(dtype), "ITEMS": items}
    return compiled(module, name, capability, pointers, constants)


def check(kernel, dtype, items):
    """There is machine code, little shared memory, and one load for all items of a block."""
    assert len(kernel.asm["cubin"]) > 1000
    assert kernel.metadata.shared <= 1024
    widths = re.findall(r"ld\.global(?:\.v(\d))?\.b(\d+)", kernel.asm["ptx"])
    assert max(int(count or 1) * int(bits) for count, bits in widths) >= 8 * dtype.itemsize * items


@pytest.mark.parametrize(("module", "name"), KERNELS)
def test_a_block_of_four_in_single_precision(module, name):
    check(variant(module, name, 90, torch.float32, 4), torch.float32, 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("capability", [80, 90])
def test_tracing(dtype, capability):
    pointers = dict.fromkeys(("lines", "inverse"), STORED[dtype]) | {"rays": "*fp64", "axes": "*i32"}
    assert len(compiled("plane_kernels", "trace", capability, pointers, {"BLOCK": 256}).asm["cubin"]) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ITEMS)
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(("module", "name"), KERNELS)
def test_all_that_is_launched(module, name, capability, dtype):
    for items in ITEMS[dtype]:
        check(variant(module, name, capability, dtype, items), dtype, items)


@pytest.mark.slow
@pytest.mark.parametrize("power", [0.0, 1.0, 1.5])
@pytest.mark.parametrize(("module", "name"), [key for key in KERNELS if "POWER" in KERNELS[key]])
def test_other_powers(module, name, power):
    for dtype in (torch.float32, torch.float64):
        check(variant(module, name, 80, dtype, 1, POWER=power), dtype, 1)
