"""Whether this installation can work, and what stands in its way."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Literal

import recon

DISTRIBUTION = "recon-imaging"
PACKAGES = {
    "numpy": "numerics",
    "scipy": "numerics",
    "numba": "fast kernels on the CPU",
    "finufft": "ray transforms by nonuniform Fourier transforms",
    "triton": "fast kernels on NVIDIA GPUs",
    "safetensors": "weights of networks",
    "deepinv": "bridges to its physics and denoisers",
    "odl": "bridges to its operators",
    "scikit-image": "the metric ssim",
    "h5py": "HDF5 and MATLAB 7.3 files",
    "tifffile": "TIFF files",
    "imagecodecs": "compressed TIFF and 16-bit colour PNG files",
    "pydicom": "DICOM files",
    "nibabel": "NIfTI files",
    "astropy": "FITS files",
    "zarr": "Zarr files",
    "matplotlib": "previews and convergence plots",
    "pydantic": "jobs",
    "ruamel.yaml": "jobs",
    "rich": "progress and tables",
}
LEFT_OUT_ON = {"triton": ("Windows", "Darwin")}
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Finding:
    """One thing looked at: fine, worth knowing, or wrong."""

    what: str
    status: Literal["ok", "note", "wrong"]
    detail: str


def doctor_command(*, as_json: bool) -> int:
    """Print what was found; 1 if something is wrong."""
    findings = []
    for finding in (*basics(), *clashes(), *packages(), *cuda(), *self_test()):
        findings.append(finding)
        if not as_json:
            print(f"{finding.status:<6} {finding.what:<18} {finding.detail}", flush=True)
    wrong = sum(finding.status == "wrong" for finding in findings)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        print(f"\n{wrong} things are wrong." if wrong else "\nAll is well.")
    return int(wrong > 0)


def basics() -> Iterator[Finding]:
    """Python and this program."""
    yield Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Finding("recon", "ok", f"{recon.__version__} at {Path(recon.__file__).parent}")


def clashes() -> Iterator[Finding]:
    """Other packages of our names, which may be imported in our place."""
    others = [name for name in packages_distributions().get("recon", []) if name != DISTRIBUTION]
    if others:
        yield Finding(
            "name clash",
            "wrong",
            f"the distribution {others[0]!r} also has a package 'recon'; uninstall it and reinstall {DISTRIBUTION}.",
        )
    home = Path(recon.__file__).parent
    for folder in sys.path:
        spec = PathFinder.find_spec("recon", [folder])
        origin = None if spec is None or spec.origin is None else Path(spec.origin)
        if origin is not None and origin.parent.resolve() != home.resolve():
            yield Finding("name clash", "wrong", f"another 'recon' lies in the path at {origin}.")
    for room in ("operators", "priors", "solvers"):
        spec = PathFinder.find_spec(room)
        origin = None if spec is None or spec.origin is None else Path(spec.origin)
        if origin is not None and origin.parent.resolve() != (home / room).resolve():
            yield Finding("name clash", "note", f"'{room}' is another package, at {origin}; ours is 'recon.{room}'.")


def packages() -> Iterator[Finding]:
    """What is installed of what the parts of the program use."""
    for name, purpose in PACKAGES.items():
        try:
            yield Finding(name, "ok", f"{version(name)}, for {purpose}")
        except PackageNotFoundError:
            if platform.system() not in LEFT_OUT_ON.get(name, ()):
                yield Finding(name, "note", f"not installed; without it no {purpose}.")


def cuda() -> Iterator[Finding]:
    """torch, and whether its CUDA fits the driver."""
    import torch

    built = torch.version.cuda
    yield Finding("torch", "ok", f"{torch.__version__}, {f'built for CUDA {built}' if built else 'built for the CPU'}")
    driver = shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            yield _device(index)
    elif driver and not built:
        yield Finding(
            "cuda", "wrong", "there is an NVIDIA driver, but this torch is built for the CPU; install a CUDA build."
        )
    elif driver:
        try:
            torch.cuda.init()
            reason = "no device is visible; see CUDA_VISIBLE_DEVICES"
        except (RuntimeError, AssertionError) as error:
            reason = " ".join(str(error).split())
        yield Finding("cuda", "wrong", f"torch for CUDA {built} cannot use this driver: {reason}")
    else:
        yield Finding("cuda", "note", "no NVIDIA driver; everything runs on the CPU.")


def _device(index: int) -> Finding:
    """A small computation on one device."""
    import torch

    name = torch.cuda.get_device_name(index)
    major, minor = torch.cuda.get_device_capability(index)
    try:
        ones = torch.ones(8, 8, device=f"cuda:{index}")
        right = float((ones @ ones).sum()) == 512.0
    except RuntimeError as error:
        return Finding(f"cuda:{index}", "wrong", f"{name} (sm_{major}{minor}): {' '.join(str(error).split())}")
    if not right:
        return Finding(f"cuda:{index}", "wrong", f"{name} (sm_{major}{minor}) computes a wrong matrix product.")
    return Finding(f"cuda:{index}", "ok", f"{name} (sm_{major}{minor})")


def self_test() -> Iterator[Finding]:
    """⟨A x, y⟩ = ⟨x, Aᴴy⟩ for the first example of every linear operator, on every kind of device there is."""
    import torch

    for device in ("cpu", *(("cuda",) if torch.cuda.is_available() else ())):
        worst, count, failures = 0.0, 0, []
        for name, mismatch in adjoint_mismatches(torch.device(device)):
            count += 1
            if isinstance(mismatch, str):
                failures.append(f"{name}: {mismatch}")
            elif not mismatch <= TOLERANCE:
                failures.append(f"{name}: mismatch {mismatch:.1e}")
            else:
                worst = max(worst, mismatch)
        what = f"adjoints, {device}"
        if failures:
            yield Finding(what, "wrong", "; ".join(failures))
        else:
            yield Finding(what, "ok", f"{count} operators, mismatch at most {worst:.0e} of ‖Ax‖‖y‖")


def adjoint_mismatches(device: object) -> Iterator[tuple[str, float | str]]:
    """Operator name and |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / ‖Ax‖‖y‖ in double precision, or why it could not be computed."""
    import torch

    from recon.operators import LinearOperator
    from recon.registry import members
    from recon.run.loading import load

    where = torch.device(str(device))
    generator = torch.Generator().manual_seed(0)
    for member in members("recon.operators.linear.LinearOperator"):
        try:
            A = next(iter(load(member.info.path).examples()))
            assert isinstance(A, LinearOperator)
            dtype = torch.complex128 if "complex" in (A.domain_field, A.range_field) else torch.float64
            x = torch.randn(A.domain_shape, generator=generator, dtype=dtype).to(where)
            y = torch.randn(A.range_shape, generator=generator, dtype=dtype).to(where)
            x = x.real if A.domain_field == "real" and x.is_complex() else x
            y = y.real if A.range_field == "real" and y.is_complex() else y
            image, back = A(x), A.adjoint(y)
            forward = float((image.conj() * y).sum().real)
            adjoint = float((x.conj() * back).sum().real)
            scale = float(image.norm() * y.norm()) or 1.0
            yield member.names[0], abs(forward - adjoint) / scale
        except Exception as error:
            yield member.names[0], f"{type(error).__name__}: {' '.join(str(error).split())}"
