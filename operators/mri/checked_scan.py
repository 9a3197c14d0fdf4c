"""What operators that are built around a scan ask of it."""

from __future__ import annotations

from typing import Any

from recon.operators.linear import LinearOperator


def checked_scan(scan: Any, owner: str) -> LinearOperator:
    """A linear operator on complex images, of this package or of one's own; TypeError for anything else."""
    if not isinstance(scan, LinearOperator):
        raise TypeError(
            f"{owner} expects scan to be a linear operator, such as CartesianMRI, got "
            f"{'None' if scan is None else type(scan).__name__}."
        )
    if "real" in (scan.domain_field, scan.range_field):
        raise TypeError(f"{owner} expects a scan of complex images to complex data, got {scan.name}, a real one.")
    return scan
