"""Every test draws the same random numbers each time it runs, alone or beside others."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)
