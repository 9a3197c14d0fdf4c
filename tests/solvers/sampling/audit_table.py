"""The audit of all samplers: ``python -m tests.solvers.sampling.audit_table`` writes docs/sampling_audit.md.

Images of 8 × 8 pixels of a stationary Gaussian prior, measured by five operators, σ_y = 0.1: the law of what a sampler
draws is propagated exactly where its steps are affine, and taken from 2000 samples where they are not.
"""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

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
    TMPD,
    Ancestral,
    DDNMPlus,
    DiffPIR,
    DPMSolver,
    Heun,
    KarrasSchedule,
    NoiseRefined,
    PiGDM,
    Renoise,
    Sampler,
)

from .audit import Audit, Law, audit, case, operators, propagate

STEPS, DRAWS = 200, 2000
CG = {"cg_rtol": 1e-6, "cg_max_iter": 60}
WIDE = KarrasSchedule()


class Row(NamedTuple):
    """A sampler as the table names it; whether its steps are affine, and whether it wants an SVD."""

    name: str
    sampler: Sampler
    affine: bool = True
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
    Row("`DPS(zeta=1)`", DPS(steps=STEPS), affine=False),
    Row("`DPS(zeta=0.3)`", DPS(steps=STEPS, zeta=0.3), affine=False),
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
    Row("`MCG(alpha=0.3)`", MCG(steps=STEPS, alpha=0.3), affine=False),
    Row("`NoiseRefined`", NoiseRefined(steps=STEPS, **CG)),
    Row(
        '`NoiseRefined(center="state")`, `Ancestral`',
        NoiseRefined(steps=STEPS, center="state", integrator=Ancestral(), **CG),
    ),
)


def measured(row: Row, name: str) -> Audit:
    """A sampler behind one of the operators."""
    operator = operators()[name]
    if row.svd and "svd" not in operator.capabilities:
        operator = Dense(operator)
    exact = case(operator)
    if row.affine:
        return audit(propagate(row.sampler, exact.problem), exact)
    many = exact.problem.select(torch.zeros(DRAWS, dtype=torch.long))
    x = row.sampler.solve(many).image.flatten(1).double()
    return audit(Law(x.mean(0), torch.cov(x.T)), exact)


def number(value: float) -> str:
    if value != value:
        return "–"
    return f"{value:.2f}" if value >= 0.095 else f"{value:.3f}"


def table() -> list[str]:
    names = list(operators())
    lines = ["| sampler | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in ROWS:
        cells = []
        for name in names:
            start = time.perf_counter()
            found = measured(row, name)
            cells.append(f"{number(found.w2)} ({number(found.seen)}, {number(found.unseen)})")
            print(f"{row.name:44s} {name:9s} {cells[-1]:24s} {time.perf_counter() - start:6.1f} s", file=sys.stderr)
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return lines


HEAD = """# Audit of samplers

For Gaussian priors the posterior is known, and so is what most samplers draw: their steps are affine, so that mean and
covariance of the last state follow from those of the first without any sampling. Entries are the Wasserstein-2 distance
from the posterior in units of the root of the trace of its covariance, and in brackets the ratios of the spreads in the
range of Aᴴ and in the kernel of A: 1 is right, 0 is no spread at all. A distance of 0 is exact; one image, the
posterior's mean, has 1. Images have 8 × 8 pixels and a prior with the spectrum of photographs; σ_y = 0.1. Unless said
otherwise a row has {steps} steps of the DDPM schedule and the method's default integrator. `DPS` and `MCG`, whose steps
are not affine, are rows of {draws} samples, with an error of about 0.1.

Measured {date}: `python -m tests.solvers.sampling.audit_table`. Each recursion is also compared with one written from
its paper, to 1e-8 in mean and covariance (`tests/solvers/sampling/guidance`).
"""


def main() -> None:
    torch.set_num_threads(1)
    text = HEAD.format(steps=STEPS, draws=DRAWS, date=date.today().isoformat())
    target = Path(__file__).resolve().parents[3] / "docs" / "sampling_audit.md"
    target.write_text("\n".join([text, *table(), ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
