"""The commands beside reconstruct."""

# ruff: noqa: E501  (every message stands whole, so that searching for one finds it)

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import recon
from recon.config.parts import catalogue
from tests.recon.cli.conftest import Ran

Run = Callable[..., Ran]


def test_version(run: Run) -> None:
    assert run("--version") == Ran(0, f"recon {recon.__version__}\n", "")


def test_usage_errors_are_two(run: Run) -> None:
    assert run("reconstruct").code == 2
    assert run("reconstruct", "job.yaml", "--no-such-option").code == 2
    assert run("no-such-command").code == 2


def test_info_lists_every_component_with_a_summary(run: Run) -> None:
    sections = dict(section.split("\n", 1) for section in run("info").out.split("\n\n")[:-1])
    for heading, group in catalogue():
        lines = sections[heading].splitlines()
        for member in group:
            own = [line for line in lines if line.startswith(f"  {', '.join(member.names)} ")]
            assert any(member.info.summary in line for line in own)


def test_info_of_one_component_is_its_signature_and_docstring(run: Run) -> None:
    out = run("info", "tv").out
    assert out.startswith("prior total_variation, tv    (recon.priors.handcrafted.total_variation.TotalVariation)\n")
    assert "\n  lam: float = 1.0\n" in out
    assert "Rudin, Osher and Fatemi" in out
    both = run("info", "gaussian").out
    assert both.startswith("noise gaussian ")
    assert "\nprior gaussian_prior, gaussian " in both


def test_info_of_something_unknown_names_the_nearest(run: Run) -> None:
    assert run("info", "tvv") == Ran(2, "", "recon info: there is no component 'tvv'; did you mean 'tv'?\n")
    assert run("info", "zzzz").err == "recon info: there is no component 'zzzz'; recon info lists them all.\n"


def test_info_of_a_class_in_a_file(run: Run, folder: Path) -> None:
    (folder / "mine.py").write_text("from recon.priors import Prior\nclass Mine(Prior):\n    '''My own.'''\n")
    assert run("info", "mine.py:Mine").out == "prior mine.py:Mine    (mine.Mine)\n\n\nMy own.\n"
    assert run("info", "recon.priors.TotalVariation").out.startswith("prior recon.priors.TotalVariation ")


def test_info_as_json(run: Run) -> None:
    listing = json.loads(run("info", "--json").out)
    assert {"operators", "noise models", "priors", "solvers", "readers", "preprocessing steps"} <= set(listing)
    (page,) = json.loads(run("info", "tv", "--json").out)
    lam = next(entry for entry in page["parameters"] if entry["name"] == "lam")
    assert lam == {
        "name": "lam",
        "accepts": "'auto-discrepancy', 'auto-evidence', 'auto-gcv', 'auto-l-curve', 'auto-sure' or a number",
        "default": "1.0",
        "required": False,
        "note": "λ > 0, per unit of Σ|Dx|.",
    }


def test_config_check_show_and_schema(run: Run, folder: Path) -> None:
    assert run("config", "check", "job.yaml") == Ran(0, "job.yaml: the job is sound.\n", "")
    (folder / "resolved.yaml").write_text(run("config", "show", "job.yaml", "--set", "prior.lam=1e-3").out)
    shown = json.loads(run("config", "show", "resolved.yaml", "--json").out)
    assert shown["prior"]["lam"] == 1e-3
    assert shown == json.loads(run("config", "show", "job.yaml", "--json", "--set", "prior.lam=1e-3").out)
    assert json.loads(run("config", "schema").out)["title"] == "recon job"


CHECKED = '''
import torch
from recon.operators import LinearOperator
from recon.priors import TotalVariation


class Double(LinearOperator):
    """x -> 2x."""

    def __init__(self, n=5):
        super().__init__((n,), (n,))

    def apply(self, x):
        return 2 * x

    def apply_adjoint(self, y):
        return 2 * y


class Wrong(Double):
    def apply_adjoint(self, y):
        return 3 * y


class Needy(Double):
    def __init__(self, n):
        super().__init__(n)


double = Needy(4)
number = 3
'''


@pytest.fixture
def checked(folder: Path) -> None:
    (folder / "mine.py").write_text(CHECKED)


@pytest.mark.usefixtures("checked")
def test_check_runs_the_laws_on_a_class_and_on_an_object(run: Run) -> None:
    ran = run("check", "mine.py:Double")
    assert ran.code == 0, ran.out
    assert "adjoint" in ran.out
    assert ran.out.splitlines()[-1].endswith(" laws hold on 1 example.")
    assert run("check", "mine.py:double").code == 0


@pytest.mark.usefixtures("checked")
def test_check_finds_a_wrong_adjoint(run: Run) -> None:
    ran = run("check", "mine.py:Wrong", "--json")
    assert ran.code == 1
    (report,) = json.loads(ran.out)
    assert not report["passed"]
    assert any("adjoint" in law["law"] and law["outcome"] == "failed" for law in report["laws"])


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("mine.py:Doubel", "recon check: mine.py defines no 'Doubel'; did you mean 'Double'?"),
        ("none.py:Double", "recon check: 'none.py:Double' names the file 'none.py', which does not exist."),
        (
            "mine.py:number",
            "recon check: mine.py:number is int, not an operator, functional, noise model, data term, prior or solver of recon.",
        ),
        (
            "mine.py:Needy",
            "recon check: mine.py:Needy makes no examples "
            "(Needy.__init__() missing 1 required positional argument: 'n'); give it a classmethod examples() that yields small instances, or name an instance.",
        ),
    ],
)
def test_check_says_what_it_cannot_check(run: Run, target: str, sentence: str) -> None:
    assert run("check", target) == Ran(2, "", f"{sentence}\n")


def test_check_takes_short_names_of_priors_noise_and_solvers(run: Run) -> None:
    for name in ("nonneg", "zero_filled"):
        ran = run("check", name)
        assert ran.code == 0, ran.out
