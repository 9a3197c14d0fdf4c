"""Sampling patterns in jobs: by name, with parameters that are checked where they stand."""

from pathlib import Path

import pytest
import torch

from recon.config.components import Components
from recon.config.errors import ConfigError, Mark
from recon.config.nodes import Map, parse_yaml
from recon.operators import (
    CAIPI,
    CartesianMRI,
    FastMRIEquispaced,
    FastMRIRandom,
    PoissonDisc,
    RadialSampling,
    RandomSampling,
    SamplingPattern,
    SpiralSampling,
    UniformSampling,
)
from recon.run.build import Surroundings, build
from recon.signatures import find_class

SHAPE = (40, 36)


def operator(text: str) -> CartesianMRI:
    """The operator of a job for k-space of one coil of 40 × 36 samples."""
    node = parse_yaml(text, Mark("job.yaml", 1, 1, Path()))
    info = find_class("recon.operators.CartesianMRI")
    assert info is not None
    assert isinstance(node, Map)
    spec = Components().fill(info, "cartesian_mri", "operator 'cartesian_mri'", node)
    built = build(spec, Surroundings(None, SHAPE))
    assert isinstance(built, CartesianMRI)
    return built


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("{name: uniform, acceleration: 3, acs_lines: 8}", UniformSampling(3, 8)),
        ("{name: random, acs_lines: 8, power: 2, seed: 3}", RandomSampling(acs_lines=8, power=2.0, seed=3)),
        ("{name: poisson_disc, acceleration: 4, calib_width: 6, seed: 0}", PoissonDisc(4.0, 6)),
        ("radial", RadialSampling()),
        ("{name: radial, spokes: 9, golden: yes}", RadialSampling(spokes=9, golden=True)),
        ("{name: spiral, acceleration: 5.5, arms: 2}", SpiralSampling(5.5, 2)),
        ("{name: caipi, acceleration: [2, 3], shift: 2, calib_width: 8}", CAIPI((2, 3), 2, 8)),
        ("{name: fastmri_random, seed: file1000323.h5}", FastMRIRandom(seed="file1000323.h5")),
        (
            "{name: fastmri_equispaced, acceleration: [4, 8], center_fraction: [0.08, 0.04], spacing: exact}",
            FastMRIEquispaced([4, 8], [0.08, 0.04], "exact"),
        ),
    ],
)
def test_names_and_parameters(text: str, pattern: SamplingPattern) -> None:
    assert torch.equal(operator(f"{{mask: {text}}}").mask, pattern(SHAPE))


def test_arrays_are_masks_as_before() -> None:
    assert torch.equal(operator("{mask: [[1], [0]], shape: [2, 3]}").mask, torch.tensor([[True] * 3, [False] * 3]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{mask: {name: poisson_disc, sed: 1}}",
            "job.yaml:1:29: mask 'poisson_disc' takes no 'sed'; did you mean 'seed'?",
        ),
        ("{mask: {name: poison_disc}}", "job.yaml:1:15: there is no mask 'poison_disc'; did you mean 'poisson_disc'?"),
        (
            "{mask: {name: uniform, acceleration: 0}}",
            "job.yaml:1:38: UniformSampling expects an acceleration of at least 1, got 0.",
        ),
        (
            "{mask: {name: poisson_disc, calib_width: 24}}",
            "job.yaml:1:1: PoissonDisc cannot take 360 of 1440 samples for acceleration 4: its centre alone has 576.",
        ),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        operator(text)
    assert str(error.value) == message
