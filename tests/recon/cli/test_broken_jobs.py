"""Jobs with something wrong in them, and exactly what is said about it."""

# ruff: noqa: E501  (every message stands whole, so that searching for one finds it)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from tests.recon.cli.conftest import JOB, Ran

PARTS = """\
import torch
from recon.operators import LinearOperator
from recon.operators.operator import Operator


class Hungry(LinearOperator):
    def __init__(self, shape: list[int] = (6, 8)):
        super().__init__(shape, shape)

    def apply(self, x):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    apply_adjoint = apply
"""


@pytest.fixture
def files(folder: Path) -> Path:
    """Everything that the jobs below name."""
    rng = np.random.default_rng(0)
    (folder / "empty").mkdir()
    (folder / "garbage.png").write_bytes(b"this is no picture")
    (folder / "parts.py").write_text(PARTS)
    (folder / "broken.py").write_text("def f(:\n")
    np.save(folder / "nan.npy", np.where(rng.random((6, 8)) < 0.1, np.nan, 1.0).astype(np.float32))
    np.save(folder / "flat.npy", np.ones((16, 16), dtype=np.float32))
    np.save(folder / "mask.npy", np.ones((6, 7), dtype=bool))
    np.savez(folder / "pair.npz", data=rng.random((6, 8)), truth=rng.random((5, 8)))
    with h5py.File(folder / "scan.h5", "w") as file:
        file["exchange/data"] = rng.random((6, 8), dtype=np.float32)
        file["exchange/theta"] = np.linspace(0, 180, 5)
        file["exchange/radians"] = np.linspace(0, np.pi, 6)
        file["exchange/twisted"] = np.array([0, 1, np.nan, 3, 4, 5])
    with h5py.File(folder / "fan.h5", "w") as file:
        file["data"] = rng.random((40, 8), dtype=np.float32)
        file["short"] = np.linspace(0, np.pi + 0.4, 40)
    parameters = {"distanceSourceOrigin": 40.0, "pixelSizePost": 0.6, "effectivePixelSizePost": 0.4}
    parameters |= {"numDetectorsPost": 8, "angles": np.linspace(0, 360, 6)}
    scan = {"sinogram": rng.random((6, 8)), "parameters": parameters}
    scipy.io.savemat(folder / "lacking.mat", {"CtDataFull": scan})
    parameters["distanceSourceDetector"] = 60.0
    scipy.io.savemat(folder / "whole.mat", {"CtDataFull": scan})
    scan["sinogram"] = np.where(np.eye(6, 8), np.nan, 1.0)
    scipy.io.savemat(folder / "nan.mat", {"CtDataFull": scan})
    (folder / "scan.json").write_text('{"type": "fanflat", "DetectorCount": 8}')
    return folder


def job(*changes: tuple[str, str]) -> str:
    text = JOB
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


PRIOR, SOLVER, NOISE = "{name: tv, lam: 0.1}", "{name: pdhg, stop: {max_iter: 3}}", "{name: gaussian, sigma: 0.1}"
INPUT, OPERATOR = "{name: numpy, path: x.npy}", "operator: identity"
SCAN = (INPUT, "{name: hdf5, path: scan.h5, keys: {data: exchange/data, angles: exchange/theta}}")
FAN = "operator: {name: ray_transform, geometry: {name: fan_beam, angles: from-file, angle_unit: deg, source_to_axis: 40, source_to_detector: 60}}"
SHORT = (INPUT, "{name: hdf5, path: fan.h5, keys: {data: data, angles: short}}")
TOLD = "operator: {name: ray_transform, geometry: from-file}"
RAYS = "operator: {name: ray_transform, geometry: {name: parallel_beam, angles: from-file}}"

CONFIG: dict[str, tuple[str, str]] = {
    "unknown parameter": (
        job(("lam: 0.1", "lambda: 0.1")),
        "job.yaml:5:19: prior 'tv' takes no 'lambda'; did you mean 'lam'?",
    ),
    "unknown key of the job": (
        job(("solver:", "sovler:")),
        "job.yaml:6:1: a job takes no 'sovler'; did you mean 'solver'?",
    ),
    "unknown prior": (job((PRIOR, "tvv")), "job.yaml:5:8: there is no prior 'tvv'; did you mean 'tv'?"),
    "component without a name": (
        job((NOISE, "{sigma: 0.1}")),
        "job.yaml:4:8: noise needs a 'name'; known are 'beer_lambert', 'correlated', 'gaussian', 'laplace', 'poisson', 'structured' and 'student_t'.",
    ),
    "a number for a component": (
        job((PRIOR, "3")),
        "job.yaml:5:8: a job expects a prior or a list of priors for 'prior', got 3.",
    ),
    "text for a number": (
        job(("lam: 0.1", "lam: strong")),
        "job.yaml:5:24: prior 'tv' expects 'auto-discrepancy', 'auto-evidence', 'auto-gcv', 'auto-l-curve', 'auto-sure' or a number for 'lam', got 'strong'.",
    ),
    "true for a number": (
        job(("lam: 0.1", "lam: true")),
        "job.yaml:5:24: prior 'tv' expects 'auto-discrepancy', 'auto-evidence', 'auto-gcv', 'auto-l-curve', 'auto-sure' or a number for 'lam', got true.",
    ),
    "a word that is neither true nor false": (
        job(("lam: 0.1", "isotropic: maybe")),
        "job.yaml:5:30: prior 'tv' expects true or false for 'isotropic', got 'maybe'.",
    ),
    "a word that is no choice": (
        job(("lam: 0.1", "boundary: neuman")),
        "job.yaml:5:29: prior 'tv' expects 'neumann' or 'circular' for 'boundary', got 'neuman'; did you mean 'neumann'?",
    ),
    "a word in a list of numbers": (
        job(("lam: 0.1", "axes: [0, x]")),
        "job.yaml:5:25: prior 'tv' expects a list of whole numbers for 'axes', got the list [0, 'x'].",
    ),
    "rows of different lengths": (
        job(("lam: 0.1", "weights: [[1, 2], [3]]")),
        "job.yaml:5:28: prior 'tv' expects rows of equal length in the array 'weights'.",
    ),
    "an array file that does not exist": (
        job(("lam: 0.1", "weights: w.npy")),
        "job.yaml:5:28: prior 'tv' takes 'weights' from the file 'w.npy', which does not exist.",
    ),
    "a key of an array that does not exist": (
        job(("lam: 0.1", "weights: {file: x.npy, keys: data}")),
        "job.yaml:5:42: the array 'weights' of prior 'tv' takes no 'keys'; did you mean 'key'?",
    ),
    "a missing input": (
        job(("x.npy", "y.npy")),
        "job.yaml:2:28: input 'numpy' finds no file or folder 'y.npy'; did you mean 'x.npy'?",
    ),
    "a pattern that matches nothing": (
        job(("x.npy", "'scans/*.npy'")),
        "job.yaml:2:28: input 'numpy' finds no file that matches 'scans/*.npy'.",
    ),
    "an empty folder": (job(("x.npy", "empty")), "job.yaml:2:28: The folder empty holds no file ending in .npy, .npz."),
    "a reader that needs a path": (job((INPUT, "hdf5")), "job.yaml:2:8: input 'hdf5' needs 'path': a path."),
    "roles without data": (
        job(("x.npy", "x.npy, keys: {truth: truth}")),
        "job.yaml:2:41: Numpy expects keys to name the role data, got truth.",
    ),
    "no operator": (job((OPERATOR, "")), "job.yaml:1:1: a job needs 'operator': an operator."),
    "no version": (
        job(("recon: 1\n", "")),
        "job.yaml:1:1: a job says which version of the format it is written in: recon: 1.",
    ),
    "another version": (job(("recon: 1", "recon: 2")), "job.yaml:1:8: this recon reads jobs of version 1, got 2."),
    "an open bracket": (
        job((NOISE, "{name: gaussian, sigma: [0.1")),
        "job.yaml:5:6: this is not valid YAML: expected ',' or ']', but got ':'.",
    ),
    "a tab": (
        job(("recon: 1", "recon:\t1\n\tx: 2")),
        "job.yaml:1:7: this is not valid YAML: found character '\\t' that cannot start any token.",
    ),
    "a key twice": (
        job(("device: cpu", "device: cpu\noperator: identity")),
        "job.yaml:9:1: the key 'operator' stands here a second time; first at line 3.",
    ),
    "a tag": (
        job(("device: cpu", "device: !!python/name:os.system cpu")),
        "job.yaml:8:9: YAML tags are not used in jobs, got 'tag:yaml.org,2002:python/name:os.system'.",
    ),
    "two documents": (
        job(("device: cpu", "---\ndevice: cpu")),
        "job.yaml:8:1: this is not valid YAML: but found another document.",
    ),
    "an empty file": ("", "job.yaml: the file is empty; expected a job."),
    "a list": ("- recon: 1\n", "job.yaml:1:1: expected a mapping of keys such as input and operator, got a list."),
    "a base that does not exist": (
        job(("recon: 1", "recon: 1\nbase: common.yaml")),
        "job.yaml:2:7: base names the file 'common.yaml', which does not exist.",
    ),
    "a base of itself": (
        job(("recon: 1", "recon: 1\nbase: [job.yaml]")),
        "job.yaml:2:8: base goes round in a circle: 'job.yaml' is based on this file.",
    ),
    "a package that is not installed": (
        job((PRIOR, "my_package.MyPrior")),
        "job.yaml:5:8: there is no package 'my_package' to import 'my_package.MyPrior' from; install it first.",
    ),
    "a name that a package does not have": (
        job((PRIOR, "json.NoSuchPrior")),
        "job.yaml:5:8: json has no 'NoSuchPrior'.",
    ),
    "a class that is no prior": (
        job((PRIOR, "decimal.Context")),
        "job.yaml:5:8: 'decimal.Context' is no prior: expected Prior, got Context.",
    ),
    "a file that does not exist": (
        job((PRIOR, "missing.py:MyPrior")),
        "job.yaml:5:8: 'missing.py:MyPrior' names the file 'missing.py', which does not exist.",
    ),
    "a name that a file does not have": (
        job((OPERATOR, "operator: parts.py:Hungy")),
        "job.yaml:3:11: parts.py defines no 'Hungy'; did you mean 'Hungry'?",
    ),
    "a file that is no Python": (
        job((OPERATOR, "operator: broken.py:f")),
        "job.yaml:3:11: broken.py is not valid Python, line 1.",
    ),
    "something of ours that does not exist": (
        job((PRIOR, "recon.priors.TotalVariety")),
        "job.yaml:5:8: there is nothing to import at 'recon.priors.TotalVariety'.",
    ),
    "a solver that cannot take the prior": (
        job((SOLVER, "dps")),
        "job.yaml:6:9: DPS needs a diffusion prior such as VPDiffusion or GaussianPrior, got TotalVariation.",
    ),
    "a prior without cost for a convex solver": (
        job((PRIOR, "{name: denoiser, denoiser: {name: dncnn, layers: 2, features: 2}, channels: 1}")),
        "job.yaml:6:9: this solver needs a prior with an explicit cost; DenoiserPrior has none. Plug-and-play solvers (PnPADMM, PnPHQS, PnPPGD) and samplers take such priors.",
    ),
    "a prior for a direct method": (
        job((SOLVER, "adjoint")),
        "job.yaml:6:9: ZeroFilled uses no prior, got TotalVariation; leave it out.",
    ),
    "a stopping rule that is not measured": (
        job((SOLVER, "{name: mlem, stop: {residuals: 1e-3}}")),
        "job.yaml:6:29: solver 'mlem' does not measure what 'stop' needs for 'residuals'; it can stop on 'max_iter', 'gap', 'change', 'discrepancy' and 'seconds'.",
    ),
    "an unknown stopping rule": (
        job(("max_iter: 3", "max_iters: 3")),
        "job.yaml:6:29: 'stop' takes no 'max_iters'; did you mean 'max_iter'?",
    ),
    "a fraction of an iteration": (
        job(("max_iter: 3", "max_iter: 2.5")),
        "job.yaml:6:39: 'stop' expects a whole number of iterations for 'max_iter', got 2.5.",
    ),
    "a tolerance of zero": (
        job(("max_iter: 3", "gap: 0")),
        "job.yaml:6:34: 'stop' expects a number above 0 for 'gap', got 0.",
    ),
    "no stopping rule left": (
        job(("max_iter: 3", "max_iter: null")),
        "job.yaml:6:28: 'stop' expects at least one rule, such as max_iter: 500.",
    ),
    "a negative noise level": (
        job(("sigma: 0.1", "sigma: -0.1")),
        "job.yaml:4:32: GaussianNoise expects sigma > 0, got -0.1.",
    ),
    "a weight of zero": (job(("lam: 0.1", "lam: 0")), "job.yaml:5:24: TotalVariation expects a positive lam, got 0.0."),
    "a device that is none": (
        job(("device: cpu", "device: gpu")),
        "job.yaml:8:9: device expects 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'.",
    ),
    "an absent GPU": (
        job(("device: cpu", "device: cuda")),
        "job.yaml:8:9: device 'cuda' is not there: torch finds no CUDA device; use cpu or auto, or see recon doctor.",
    ),
    "an unknown format": (
        job(("[npz]", "[npz, jpg]")),
        "job.yaml:7:36: output expects a list of entries, each 'npz', 'hdf5', 'mat', 'cfl', 'tiff32', 'tiff16', 'png', 'nifti', 'fits', 'zarr' or 'dicom' for 'formats', got 'jpg'.",
    ),
    "no format": (job(("[npz]", "[]")), "job.yaml:7:30: output expects at least one of its formats."),
    "text for the output": (
        job(("{path: out, formats: [npz], preview: no, convergence: no}", "out")),
        "job.yaml:7:9: output expects a mapping of 'path', 'formats', 'combine', 'preview', 'convergence', 'quantiles' and 'samples', got 'out'.",
    ),
    "results among the input": (
        job(("x.npy", "'*.npy'"), ("path: out", "path: .")),
        "job.yaml:7:16: the results would lie among the input, and be read as such next time.",
    ),
    "an empty batch": (
        job(("device: cpu", "batch_size: 0")),
        "job.yaml:8:13: batch_size expects a whole number from 1 up, got 0.",
    ),
    "half a batch": (
        job(("device: cpu", "batch_size: 1.5")),
        "job.yaml:8:13: a job expects a whole number for 'batch_size', got 1.5.",
    ),
    "an unknown precision": (
        job(("device: cpu", "dtype: float16")),
        "job.yaml:8:8: a job expects 'float32' or 'float64' for 'dtype', got 'float16'; did you mean 'float64'?",
    ),
    "a negative seed": (
        job(("device: cpu", "seed: -1")),
        "job.yaml:8:7: seed expects a whole number from 0 up, got -1.",
    ),
    "chunks of a point estimate": (
        job(("device: cpu", "chunk: 4")),
        "job.yaml:8:8: solver 'pdhg' draws no samples; leave 'chunk' out.",
    ),
    "no chunk": (
        job(("device: cpu", "chunk: 0\nsamples: 4"), (SOLVER, "dps"), (PRIOR, "gaussian")),
        "job.yaml:8:8: chunk expects a whole number from 1 up, got 0.",
    ),
    "quantiles in percent": (
        job(
            ("out, ", "out, quantiles: [5, 95], "), ("device: cpu", "samples: 4"), (SOLVER, "dps"), (PRIOR, "gaussian")
        ),
        "job.yaml:7:32: quantiles are numbers from 0 to 1, got 5.",
    ),
    "quantiles of one sample": (
        job(("out, ", "out, quantiles: [0.1], "), (SOLVER, "dps"), (PRIOR, "gaussian")),
        "job.yaml:7:32: quantiles need several samples; say samples: 100 or leave them out.",
    ),
    "samples of a point estimate": (
        job(("device: cpu", "samples: 4")),
        "job.yaml:8:10: solver 'pdhg' draws no samples; leave 'samples' out.",
    ),
    "a denoiser added to a cost": (
        job((PRIOR, "[tv, {name: denoiser, denoiser: dncnn}]")),
        "job.yaml:5:13: only priors with an explicit cost add up, and prior 'denoiser' has none.",
    ),
    "weights that do not exist": (
        job((PRIOR, "{name: denoiser, denoiser: {name: dncnn, weights: no.pth}}")),
        "job.yaml:5:58: denoiser 'dncnn' finds no file or folder 'no.pth'.",
    ),
    "angles without a unit": (
        job(SCAN, (OPERATOR, RAYS)),
        "job.yaml:3:73: geometry 'parallel_beam' needs 'angle_unit: deg' or 'angle_unit: rad' for its angles.",
    ),
    "angles of a fan without a unit": (
        job(SCAN, (OPERATOR, FAN.replace(" angle_unit: deg,", ""))),
        "job.yaml:3:68: geometry 'fan_beam' needs 'angle_unit: deg' or 'angle_unit: rad' for its angles.",
    ),
    "a unit for angles that the reader has brought to radians": (
        job((INPUT, "{name: htc2022, path: whole.mat}"), (OPERATOR, FAN)),
        "job.yaml:3:91: geometry 'fan_beam': input 'htc2022' has brought them to radians; leave 'angle_unit' out.",
    ),
    "a geometry from files that tell none": (
        job((OPERATOR, TOLD)),
        "job.yaml:3:43: input 'numpy' finds no geometry in its files; write it out here, or read them as dxchange, htc2022, lodopab or nxtomo.",
    ),
    "a parameter that the geometry of the files does not have": (
        job(
            (INPUT, "{name: htc2022, path: whole.mat}"),
            (OPERATOR, TOLD.replace("from-file", "{name: from-file, helical_pitch: 1}")),
        ),
        "job.yaml:3:61: geometry 'from-file' takes no 'helical_pitch'; it takes 'bins', 'source_to_axis', 'source_to_detector', 'pitch', 'detector', 'offset', 'source_offset' and 'axis_offset'.",
    ),
    "angles besides those of the files": (
        job(
            (INPUT, "{name: htc2022, path: whole.mat}"),
            (OPERATOR, TOLD.replace("from-file", "{name: from-file, angles: [1]}")),
        ),
        "job.yaml:3:69: geometry 'from-file' takes 'angles' from the file, too; leave it out here.",
    ),
    "a geometry of ASTRA without its file": (
        job((OPERATOR, TOLD.replace("from-file", "astra"))),
        "job.yaml:3:43: geometry 'astra' needs 'file': a JSON or YAML file with ASTRA's dictionaries.",
    ),
    "a file that ASTRA did not write": (
        job((OPERATOR, TOLD.replace("from-file", "{name: astra, file: scan.json}"))),
        "job.yaml:3:63: scan.json: from_astra expects ProjectionAngles in ASTRA's geometry, got type, DetectorCount.",
    ),
    "a scan without its distances": (
        job(SCAN, (OPERATOR, FAN.replace(", source_to_axis: 40", ""))),
        "job.yaml:3:43: geometry 'fan_beam' needs 'source_to_axis': a number.",
    ),
    "a detector in front of the axis": (
        job(SHORT, (OPERATOR, FAN.replace("deg", "rad").replace("60", "30"))),
        "job.yaml:3:112: FanBeam expects source_to_detector >= source_to_axis, both measured from the source, got 30 and 40; a detector 30 mm behind the axis has source_to_detector=70.",
    ),
    "a source in the object": (
        job(SHORT, (OPERATOR, FAN.replace("deg", "rad").replace("}}", "}, volume: {spacing: 20}}"))),
        "job.yaml:3:149: RayTransform expects sources outside the volume, view 0 has its source inside, at (-40, 0) mm; check source_to_axis and the volume's spacing, both in mm.",
    ),
}
SET: dict[str, tuple[list[str], str]] = {
    "no value": (["prior.lam"], "--set prior.lam: expected key=value, such as solver.stop.max_iter=200."),
    "an unknown parameter": (["prior.lamm=3"], "--set prior.lamm=3: prior 'tv' takes no 'lamm'; did you mean 'lam'?"),
    "an unknown key": (["devise=cpu"], "--set devise=cpu: a job takes no 'devise'; did you mean 'device'?"),
    "bad YAML": (
        ["prior.lam=[1"],
        "--set prior.lam=[1: this is not valid YAML: expected ',' or ']', but got '<stream end>'.",
    ),
    "an entry that a list does not have": (
        ["prior=[tv]", "prior.1.lam=3"],
        "--set prior.1.lam=3: '1' is not an entry of the list, whose 1 count from 0.",
    ),
}
ITEM: dict[str, tuple[str, str]] = {
    "an unreadable image": (
        job((INPUT, "{name: images, path: garbage.png}")),
        "garbage: garbage.png is not a PNG, JPEG, BMP or TIFF image: it does not begin like one.",
    ),
    "NaN in the data": (
        job(("x.npy", "nan.npy")),
        "nan: nan.npy holds 5 of 48 values that are NaN or infinite, the first at [0, 2]; repair or mask them before reconstructing.",
    ),
    "a missing dataset": (
        job((INPUT, "{name: hdf5, path: scan.h5, keys: {data: exchange/dat}}")),
        "scan: scan.h5 has no 'exchange/dat'; it holds exchange/data, exchange/radians, exchange/theta, exchange/twisted; did you mean 'exchange/data'?",
    ),
    "a missing role": (
        job((OPERATOR, "operator: {name: mask, mask: from-file}")),
        "x: x.npy has no 'mask'; it has data; name its dataset in input.keys.",
    ),
    "a mask of another shape": (
        job((OPERATOR, "operator: {name: mask, mask: mask.npy}")),
        "x: x.npy has data of shape (6, 8), but Mask makes data of shape (6, 7).",
    ),
    "a truth of another shape": (
        job(("path: x.npy", "path: pair.npz, keys: {data: data, truth: truth}")),
        "pair: the truth of pair.npz has shape (5, 8), but the reconstruction has (6, 8).",
    ),
    "noise where there is none": (
        job(("x.npy", "flat.npy"), ("sigma: 0.1", "sigma: estimate")),
        "flat: flat.npy seems to hold no noise, sigma comes out as 0; give it as a number.",
    ),
    "too many projections": (
        job(SCAN, (OPERATOR, RAYS.replace("from-file", "from-file, angle_unit: deg"))),
        "scan: scan.h5 has data of shape (6, 8), which is not one row for each of 5 angles.",
    ),
    "degrees that are radians": (
        job(
            SCAN,
            ("exchange/theta", "exchange/radians"),
            (OPERATOR, RAYS.replace("from-file", "from-file, angle_unit: deg")),
        ),
        "scan: the angles of scan.h5 span 3.142, which looks like radians; say angle_unit: rad.",
    ),
    "radians that are degrees": (
        job(SCAN, (OPERATOR, RAYS.replace("from-file", "from-file, angle_unit: rad"))),
        "scan: the angles of scan.h5 reach 180, which cannot be radians; say angle_unit: deg.",
    ),
    "short fan in degrees that are radians": (
        job(SHORT, (OPERATOR, FAN)),
        "fan: the angles of fan.h5 span 3.542, which looks like radians; say angle_unit: rad.",
    ),
    "fan in radians that are degrees": (
        job(SCAN, (OPERATOR, FAN.replace("deg", "rad"))),
        "scan: the angles of scan.h5 reach 180, which cannot be radians; say angle_unit: deg.",
    ),
    "angles that are no numbers": (
        job(SCAN, ("exchange/theta", "exchange/twisted"), (OPERATOR, FAN)),
        "scan: scan.h5:exchange/twisted holds 1 of 6 values that are NaN or infinite, the first at [2]; repair or mask them before reconstructing.",
    ),
    "bins that the data do not have": (
        job(SHORT, (OPERATOR, FAN.replace("deg", "rad, bins: 9"))),
        "fan: fan.h5 has data of shape (40, 8), but RayTransform makes data of shape (40, 9).",
    ),
    "a scan in space in the plane": (
        job(SHORT, (OPERATOR, FAN.replace("deg", "rad").replace("fan_beam", "cone_beam"))),
        "fan: fan.h5 has data of shape (40, 8), which is not one picture (rows, bins) for each of 40 angles.",
    ),
    "a scan of the challenge without its distances": (
        job((INPUT, "{name: htc2022, path: lacking.mat}"), (OPERATOR, TOLD)),
        "lacking: lacking.mat has no 'CtDataFull.parameters.distanceSourceDetector'; it holds CtDataFull.sinogram, CtDataFull.parameters.distanceSourceOrigin, CtDataFull.parameters.pixelSizePost, CtDataFull.parameters.effectivePixelSizePost, CtDataFull.parameters.numDetectorsPost, CtDataFull.parameters.angles; did you mean 'CtDataFull.parameters.distanceSourceOrigin'?",
    ),
    "NaN in a scan of the challenge": (
        job((INPUT, "{name: htc2022, path: nan.mat}"), (OPERATOR, TOLD)),
        "nan: nan.mat:CtDataFull.sinogram holds 6 of 48 values that are NaN or infinite, the first at [0, 0]; repair or mask them before reconstructing.",
    ),
    "a geometry of the file that no longer holds": (
        job((INPUT, "{name: htc2022, path: whole.mat}\npreprocess: [{name: flip, axis: -1}]"), (OPERATOR, TOLD)),
        "whole: whole.mat has lost the geometry that its file tells, since flip has changed the detector; write it out in operator.geometry.",
    ),
    "a DXchange file of another shape": (
        job((INPUT, "{name: dxchange, path: scan.h5}"), (OPERATOR, TOLD)),
        "scan: scan.h5 has exchange/data of shape (6, 8), not (angles, rows, bins).",
    ),
    "views of no angle": (
        job(
            (INPUT, "{name: htc2022, path: whole.mat}\npreprocess: [{name: views, range: [400, 500]}]"),
            (OPERATOR, TOLD),
        ),
        "whole: views leaves nothing of the 6 views of whole.mat.",
    ),
    "out of memory": (
        job((OPERATOR, "operator: parts.py:Hungry")),
        "x: memory ran out on cpu with 1 at a time; make the images smaller.",
    ),
}


@pytest.mark.parametrize("case", CONFIG)
def test_jobs_that_cannot_run(case: str, files: Path, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    text, expected = CONFIG[case]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (files / "job.yaml").write_text(text)
    ran = run("reconstruct", "job.yaml", "--quiet")
    assert ran.err == expected + "\n"
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize("case", SET)
def test_overrides_that_cannot_be(case: str, files: Path, run: Callable[..., Ran]) -> None:
    texts, expected = SET[case]
    ran = run("reconstruct", "job.yaml", *(word for text in texts for word in ("--set", text)))
    assert (ran.code, ran.out, ran.err) == (2, "", expected + "\n")


@pytest.mark.parametrize("case", ITEM)
def test_items_that_cannot_be_reconstructed(case: str, files: Path, run: Callable[..., Ran]) -> None:
    text, expected = ITEM[case]
    (files / "job.yaml").write_text(text)
    ran = run("reconstruct", "job.yaml", "--quiet")
    assert ran.err == expected + "\n"
    assert (ran.code, ran.out) == (1, "")


def test_an_unforeseen_error_of_one_item_leaves_the_others(folder: Path, run: Callable[..., Ran]) -> None:
    (folder / "odd.py").write_text(
        "from recon.preprocess import Step\n\n\nclass Odd(Step):\n    def __call__(self, item):\n"
        "        return {'good': item}[item.id]\n\n    @classmethod\n    def examples(cls):\n        yield from ()\n"
    )
    (folder / "all").mkdir()
    for name in ("bad", "good"):
        np.save(folder / "all" / f"{name}.npy", np.ones((6, 8), dtype=np.float32))
    text = JOB.replace("path: x.npy}", "path: all}\npreprocess: [odd.py:Odd]")
    (folder / "job.yaml").write_text(text)
    ran = run("reconstruct", "job.yaml", "--quiet")
    assert (ran.code, ran.out, ran.err) == (1, "", "bad: KeyError: 'bad'\n")
    assert (folder / "out" / "good.npz").exists()


def test_a_missing_job(run: Callable[..., Ran]) -> None:
    ran = run("reconstruct", "jbo.yaml")
    assert (ran.code, ran.err) == (2, "jbo.yaml: there is no such file.\n")


def test_a_second_gpu_that_is_not_there(folder: Path, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    (folder / "job.yaml").write_text(job(("device: cpu", "device: cuda:7")))
    ran = run("reconstruct", "job.yaml")
    assert ran.code == 2
    assert ran.err == "job.yaml:8:9: device 'cuda:7' is not there: torch finds 1 CUDA device(s), counted from 0.\n"


def test_results_that_cannot_be_written(folder: Path, run: Callable[..., Ran]) -> None:
    (folder / "out").write_text("in the way")
    ran = run("reconstruct", "job.yaml", "--quiet")
    assert ran.code == 2
    assert ran.err == "job.yaml:7:16: nothing can be written to the folder 'out' (File exists).\n"
    ran = run("reconstruct", "job.yaml", "--out", "out/deeper")
    assert ran.code == 2
    assert ran.err == "--out out/deeper: nothing can be written to the folder 'out/deeper' (Not a directory).\n"
