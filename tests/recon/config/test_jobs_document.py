"""The YAML of docs/jobs.md: every snippet is a sound job, or is one on top of the first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recon.config.job import Job, Output
from recon.config.resolve import load_job

DOCUMENT = Path(__file__).parents[3] / "docs" / "jobs.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
ELSEWHERE = re.findall(r"(?:path|file): (scans?[./][\w./]+)", TEXT)
"""Files of users that the document speaks of."""
SNIPPETS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.splitlines()[0][:40])
def test_snippets_are_sound(snippet: str, tmp_path: Path) -> None:
    root = DOCUMENT.parents[1]
    (tmp_path / "docs").mkdir()
    for folder in ("data", "configs", "examples"):
        (tmp_path / folder).symlink_to(root / folder)
    for name in ELSEWHERE:
        (tmp_path / "docs" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "docs" / name).touch()
    (tmp_path / "docs" / "first.yaml").write_text(SNIPPETS[0])
    whole = snippet.startswith(("recon:", "base:"))
    (tmp_path / "docs" / "job.yaml").write_text(snippet if whole else f"base: first.yaml\n{snippet}")
    load_job(tmp_path / "docs" / "job.yaml")


def test_every_key_is_explained() -> None:
    for key in (*Job.__dataclass_fields__, *Output.__dataclass_fields__):
        assert f"| `{key}` |" in TEXT, key
