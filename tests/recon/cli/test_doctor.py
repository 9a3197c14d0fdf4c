from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from recon.cli import doctor
from tests.recon.cli.conftest import Ran


def test_this_installation_is_sound(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "clashes", lambda: iter(()))  # the machine's own affair
    ran = run("doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(ran.out)}
    assert ran.code == 0, ran.out
    assert findings["torch"]["detail"].startswith(torch.__version__)
    assert findings["adjoints, cpu"]["status"] == "ok"
    assert int(findings["adjoints, cpu"]["detail"].split()[0]) > 8


def test_another_recon_in_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("recon", "operators"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = {finding.detail: finding.status for finding in doctor.clashes()}
    assert found[f"another 'recon' lies in the path at {tmp_path / 'recon' / '__init__.py'}."] == "wrong"
    note = f"'operators' is another package, at {tmp_path / 'operators' / '__init__.py'}; ours is 'recon.operators'."
    assert found[note] == "note"


def test_another_distribution_named_recon_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "packages_distributions", lambda: {"recon": ["recon-imaging", "recon"]})
    found = next(doctor.clashes())
    assert found.status == "wrong"
    assert found.detail.startswith("the distribution 'recon' also has a package 'recon'; uninstall it")


def test_a_cpu_build_beside_a_driver_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    findings = list(doctor.cuda())
    assert findings[0].detail.endswith("built for the CPU")
    assert (findings[1].status, findings[1].what) == ("wrong", "cuda")


def test_a_driver_that_torch_cannot_use_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_old() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old")

    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", too_old)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert list(doctor.cuda())[1].detail == (
        "torch for CUDA 13.2 cannot use this driver: The NVIDIA driver on your system is too old"
    )


def test_a_wrong_adjoint_is_found(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    from recon.operators import Identity

    monkeypatch.setattr(Identity, "apply_adjoint", lambda self, y: 2 * y)
    ran = run("doctor")
    assert ran.code == 1
    line = next(line for line in ran.out.splitlines() if "adjoints, cpu" in line)
    assert line.startswith("wrong")
    assert "identity: mismatch" in line


def test_a_missing_package_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such-package": "nothing at all"})
    (finding,) = doctor.packages()
    assert (finding.status, finding.detail) == ("note", "not installed; without it no nothing at all.")
