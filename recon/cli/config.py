"""Jobs and benchmarks looked at without running them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recon.config.grid import BenchSpec
    from recon.config.resolve import JobSpec


def check_command(file: Path, overrides: Sequence[str]) -> int:
    """Say that a job or a benchmark is sound; the errors say why it is not."""
    from recon.config.resolve import JobSpec

    found = _load(file, overrides)
    if isinstance(found, JobSpec):
        print(f"{file}: the job is sound.")
    else:
        count = len(found.combinations)
        print(f"{file}: the benchmark is sound, with {count} combination{'s' if count > 1 else ''} for each item.")
    return 0


def show_command(file: Path, overrides: Sequence[str], *, as_json: bool) -> int:
    """Print the resolved job or benchmark."""
    from recon.config.show import to_yaml

    resolved = _load(file, overrides).plain()
    print(json.dumps(resolved, indent=2, ensure_ascii=False) if as_json else to_yaml(resolved).rstrip())
    return 0


def schema_command(*, bench: bool) -> int:
    """Print the JSON schema of jobs or of benchmarks."""
    from recon.config.bench_schema import bench_schema
    from recon.config.schema import job_schema

    print(json.dumps(bench_schema() if bench else job_schema(), indent=2, ensure_ascii=False))
    return 0


def _load(file: Path, overrides: Sequence[str]) -> JobSpec | BenchSpec:
    from recon.config.compose import compose
    from recon.config.grid import load_bench
    from recon.config.resolve import is_benchmark, load_job

    return load_bench(file, overrides) if is_benchmark(compose(file, overrides)) else load_job(file, overrides)
