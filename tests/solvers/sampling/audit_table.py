"""The audit of all samplers: ``python -m tests.solvers.sampling.audit_table`` writes docs/sampling_audit.md.

Images of 8 × 8 pixels of a stationary Gaussian prior, measured by five operators, σ_y = 0.1: the law of what a sampler
draws is propagated exactly where its steps are affine, and taken from 2000 samples where they are not. The same on
stationary fields of 32 × 32 pixels, in Fourier space. Then coverage on held-out problems.
"""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import torch

from recon.operators import Dense
from recon.solvers import (
    DAPS,
    DDIM,
    DDNM,
    DDRM,
    DPS,
    MCG,
    MMPS,
    SKROCK,
    TMPD,
    ULA,
    Ancestral,
    DDNMPlus,
    DiffPIR,
    DPMSolver,
    Heun,
    KarrasSchedule,
    NoiseRefined,
    PiGDM,
    PnPFlow,
    REDDiff,
    Renoise,
    Sampler,
    SplitGibbs,
    TwistedSMC,
    sample,
)

from .audit import Audit, Law, audit, case, field_case, operators, propagate, propagate_field, w2_field
from .calibration.held_out import DRAWS as DRAWN
from .calibration.held_out import ITEMS, METHODS, coverage
from .chains.stationary import parts, stationary
from .mixtures import EXACT, POSTERIOR, share, sliced_w2, two_modes

STEPS, DRAWS = 200, 2000
CG = {"cg_rtol": 1e-6, "cg_max_iter": 60}
WIDE, MODES = KarrasSchedule(), KarrasSchedule(0.01, 80.0)


class Row(NamedTuple):
    """A sampler as the table names it; how its law is found, and whether it wants an SVD."""

    name: str
    sampler: Sampler
    law: Literal["propagated", "stationary", "drawn"] = "propagated"
    svd: bool = False


def mmps(steps: int, **options: object) -> MMPS:
    return MMPS(steps=steps, cg_rtol=1e-8, cg_max_iter=80, noise_schedule=WIDE, **options)


ROWS = (
    Row("`MMPS`, 32 steps", mmps(32)),
    Row("`MMPS`, 128 steps", mmps(128)),
    Row("`MMPS`, 512 steps", mmps(512)),
    Row("`MMPS`, 32 steps of `DPMSolver`", mmps(32, integrator=DPMSolver())),
    Row("`MMPS`, 32 steps of `Heun`", mmps(32, integrator=Heun())),
    Row("`MMPS`, 32 steps of `DDIM(0)`", mmps(32, integrator=DDIM())),
    Row("`PiGDM`", PiGDM(steps=STEPS, **CG)),
    Row('`PiGDM(form="paper")`', PiGDM(steps=STEPS, form="paper", **CG)),
    Row('`PiGDM(form="code")`, `DDIM(0)`', PiGDM(steps=STEPS, form="code", integrator=DDIM(), **CG)),
    Row("`TMPD`", TMPD(steps=STEPS)),
    Row("`DPS(zeta=1)`", DPS(steps=STEPS), law="drawn"),
    Row("`DPS(zeta=0.3)`", DPS(steps=STEPS, zeta=0.3), law="drawn"),
    Row("`DDRM`, 20 steps", DDRM(steps=20), svd=True),
    Row("`DDRM`", DDRM(steps=STEPS), svd=True),
    Row("`DDRM(eta=None)`", DDRM(steps=STEPS, eta=None), svd=True),
    Row("`DDNM`", DDNM(steps=STEPS, cg_rtol=1e-6)),
    Row('`DDNM(form="code")`', DDNM(steps=STEPS, cg_rtol=1e-6, form="code", integrator=Renoise(0.7225))),
    Row("`DDNMPlus`", DDNMPlus(steps=STEPS), svd=True),
    Row('`DDNMPlus(form="simple")`', DDNMPlus(steps=STEPS, form="simple")),
    Row("`DiffPIR`", DiffPIR(steps=STEPS, **CG)),
    Row("`DAPS`", DAPS(steps=STEPS, noise_schedule=KarrasSchedule(0.1, 100.0), **CG)),
    Row('`MCG(form="paper", alpha=0.05)`', MCG(steps=STEPS, alpha=0.05, form="paper", cg_rtol=1e-6)),
    Row("`MCG(alpha=0.3)`", MCG(steps=STEPS, alpha=0.3), law="drawn"),
    Row("`NoiseRefined`", NoiseRefined(steps=STEPS, **CG)),
    Row(
        '`NoiseRefined(center="state")`, `Ancestral`',
        NoiseRefined(steps=STEPS, center="state", integrator=Ancestral(), **CG),
    ),
    Row("`SplitGibbs(rho=0.03)`", SplitGibbs(steps=STEPS, rho=0.03, inner_steps=20, **CG)),
    Row("`SplitGibbs`, 100 steps", SplitGibbs(**CG)),
    Row("`ULA(sigma=0.03)`", ULA(sigma=0.03), law="stationary"),
    Row("`ULA(sigma=0.03, step_size=0.05)`", ULA(sigma=0.03, step_size=0.05), law="stationary"),
    Row("`SKROCK(sigma=0.03)`", SKROCK(sigma=0.03), law="stationary"),
    Row("`SKROCK(sigma=0.03, step_size=0.05)`", SKROCK(sigma=0.03, step_size=0.05), law="stationary"),
    Row("`PnPFlow`, 100 steps", PnPFlow(steps=100)),
    Row(
        '`REDDiff(form="paper")`, 600 steps of gradient descent',
        REDDiff(steps=600, form="paper", optimiser="gradient", rate=3e-4),
    ),
)

FIELDS = {"identity": None, "blur": torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]).double() / 16}
FIELD_ROWS = (
    Row("`MMPS`, 32 steps of `DPMSolver`", mmps(32, integrator=DPMSolver())),
    Row("`MMPS`, 128 steps", mmps(128)),
    Row("`PiGDM`", PiGDM(steps=STEPS, clip=False, **CG)),
    Row("`TMPD`", TMPD(steps=STEPS)),
    Row("`DDRM`", DDRM(steps=STEPS), svd=True),
    Row("`DDNMPlus`", DDNMPlus(steps=STEPS), svd=True),
    Row("`DiffPIR`", DiffPIR(steps=STEPS, **CG)),
    Row("`DAPS`", DAPS(steps=STEPS, noise_schedule=KarrasSchedule(0.1, 100.0), **CG)),
    Row("`NoiseRefined`", NoiseRefined(steps=STEPS, **CG)),
    Row("`SplitGibbs`, 100 steps", SplitGibbs(**CG)),
)


def measured(row: Row, name: str) -> Audit:
    """A sampler behind one of the operators."""
    operator = operators()[name]
    if row.svd and "svd" not in operator.capabilities:
        operator = Dense(operator)
    exact = case(operator)
    if row.law == "propagated":
        return audit(propagate(row.sampler, exact.problem), exact)
    if row.law == "stationary":
        return audit(stationary(*parts(row.sampler, exact.problem)), exact)
    many = exact.problem.select(torch.zeros(DRAWS, dtype=torch.long))
    x = row.sampler.solve(many).image.flatten(1).double()
    return audit(Law(x.mean(0), torch.cov(x.T)), exact)


def number(value: float) -> str:
    if value != value:
        return "–"
    return f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def table() -> list[str]:
    names = list(operators())
    lines = ["| sampler | what it is | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for row in ROWS:
        cells = []
        for name in names:
            start = time.perf_counter()
            found = measured(row, name)
            cells.append(f"{number(found.w2)}, {number(found.bias)} ({number(found.seen)}, {number(found.unseen)})")
            print(f"{row.name:44s} {name:9s} {cells[-1]:24s} {time.perf_counter() - start:6.1f} s", file=sys.stderr)
        lines.append(f"| {row.name} | {row.sampler.kind} | " + " | ".join(cells) + " |")
    return lines


def fields() -> list[str]:
    lines = ["| sampler | " + " | ".join(FIELDS) + " |", "|---" * (len(FIELDS) + 1) + "|"]
    for row in FIELD_ROWS:
        cells = []
        for name, psf in FIELDS.items():
            start = time.perf_counter()
            problem, exact = field_case(psf)
            cells.append(number(w2_field(propagate_field(row.sampler, problem), exact)))
            print(f"{row.name:44s} {name:9s} {cells[-1]:24s} {time.perf_counter() - start:6.1f} s", file=sys.stderr)
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return lines


def covered() -> list[str]:
    lines = [
        "| sampler | what it is | pixels | images | calibrated pixels | calibrated images |",
        "|---|---|---|---|---|---|",
    ]
    for name, method in METHODS.items():
        found = coverage(method)
        lines.append(f"| {name} | {method.sampler.kind} | " + " | ".join(f"{100 * v:.1f}" for v in found) + " |")
        print(lines[-1], file=sys.stderr)
    return lines


MIXTURE_ROWS = {
    "`MMPS`, 60 steps": MMPS(steps=60, noise_schedule=MODES),
    "`PiGDM`, 60 steps": PiGDM(steps=60, noise_schedule=MODES),
    "`DPS(zeta=0.3)`, 60 steps": DPS(steps=60, zeta=0.3, noise_schedule=MODES),
    "`DiffPIR`, 60 steps": DiffPIR(steps=60, noise_schedule=MODES),
    "`DAPS`, 60 steps": DAPS(steps=60, noise_schedule=MODES),
    "`SplitGibbs(rho=0.2, rho_start=10)`, 60 steps": SplitGibbs(steps=60, rho=0.2, rho_start=10.0),
    "`TwistedSMC`, 100 steps, 40 runs of 128 particles": TwistedSMC(steps=100, particles=128, noise_schedule=MODES),
}


def mixture() -> list[str]:
    reference = POSTERIOR.sample(20000, torch.Generator().manual_seed(0))
    lines = ["| sampler | what it is | share of the mode | sliced distance |", "|---|---|---|---|"]
    for name, sampler in MIXTURE_ROWS.items():
        if isinstance(sampler, TwistedSMC):
            x = sample(sampler, two_modes(40), samples=DRAWS // 40).samples.flatten(0, 1)
        else:
            x = sampler.solve(two_modes(DRAWS)).image
        lines.append(f"| {name} | {sampler.kind} | {share(x):.3f} | {sliced_w2(x, reference):.2f} |")
        print(lines[-1], file=sys.stderr)
    return lines


HEAD = """# Audit of samplers

For Gaussian priors the posterior is known, and so is what most samplers draw: their steps are affine, so that mean and
covariance of the last state follow from those of the first without any sampling. Entries are the Wasserstein-2 distance
from the posterior and that of the means, both in units of the root of the trace of its covariance, and in brackets the
ratios of the spreads in the range of Aᴴ and in the kernel of A: 1 is right, 0 is no spread at all. A distance of 0 is
exact; one image, the posterior's mean, has 1. Images have 8 × 8 pixels and a prior with the spectrum of photographs;
σ_y = 0.1. Unless said otherwise a row has {steps} steps of the DDPM schedule and the method's default integrator. `DPS`
and `MCG`, whose steps are not affine, are rows of {draws} samples, with an error of about 0.1; of the Langevin chains
`ULA` and `SKROCK` rows show the law to which they tend. "What it is" is what the class says of itself: exact up to a
schedule or a number of particles, a bias that is known in closed form, a heuristic, or an estimate that is no sample.
`MMPS` is called heuristic for priors in general; for Gaussian ones it is exact. Of point estimates the distance counts
alone. `TwistedSMC`, exact for any prior, is measured on mixtures ([below](#mixtures)); `PSLD`, `ReSample`, `MaskShift`,
`JointDPS` and `EnKG`, which take other problems, against their recursions or closed forms in
`tests/solvers/sampling`.

Measured {date}: `python -m tests.solvers.sampling.audit_table`. Each recursion is also compared with one written from
its paper, to 1e-8 in mean and covariance (`tests/solvers/sampling/guidance`).
"""

FIELD_HEAD = """
## Fields of 32 × 32 pixels

The same distance for stationary periodic fields behind nothing and behind a periodic blur, where one impulse tells the
whole map (`propagate_field` in `tests/solvers/sampling/audit.py`).
"""

COVERAGE_HEAD = """
## Coverage

Regions of nominal 90 % on {items} held-out images: fields of 6 × 6 pixels of which half are seen with noise of
σ_y = 0.2, {draws} samples each; per cent of pixels in their intervals, and of images in balls around the mean, as drawn
and after conformal calibration on {items} other images. The standard error is 0.4 for pixels and 1.2 for images.
"""

MIXTURE_HEAD = """
## Mixtures

Under a prior of two Gaussian modes a sampler has to find how likely each is, too: the share of samples in the mode that
has {exact:.3f} of the posterior, and the sliced Wasserstein-2 distance from it, of {draws} samples. Samplers whose
steps know the data through E[x₀ | u] alone decide between modes before that is right; chains do not cross between them.
"""


def main() -> None:
    torch.set_num_threads(1)
    text = HEAD.format(steps=STEPS, draws=DRAWS, date=date.today().isoformat())
    target = Path(__file__).resolve().parents[3] / "docs" / "sampling_audit.md"
    coverages = [COVERAGE_HEAD.format(items=ITEMS, draws=DRAWN), *covered()]
    mixtures = [MIXTURE_HEAD.format(exact=EXACT, draws=DRAWS), *mixture(), ""]
    lines = [text, *table(), FIELD_HEAD, *fields(), *coverages, *mixtures]
    target.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
