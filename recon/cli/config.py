"""Jobs looked at without running them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path


def check_command(job: Path, overrides: Sequence[str]) -> int:
    """Say that a job is sound; the errors say why it is not."""
    from recon.config.resolve import load_job

    load_job(job, overrides)
    print(f"{job}: the job is sound.")
    return 0


def show_command(job: Path, overrides: Sequence[str], *, as_json: bool) -> int:
    """Print the resolved job."""
    from recon.config.resolve import load_job
    from recon.config.show import to_yaml

    resolved = load_job(job, overrides).plain()
    print(json.dumps(resolved, indent=2, ensure_ascii=False) if as_json else to_yaml(resolved).rstrip())
    return 0


def schema_command() -> int:
    """Print the JSON schema."""
    from recon.config.schema import job_schema

    print(json.dumps(job_schema(), indent=2, ensure_ascii=False))
    return 0
