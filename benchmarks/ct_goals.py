"""The speeds that ray transforms are meant to have, as ratios within one run of ``benchmarks.ct``."""

from __future__ import annotations

from typing import Any

from benchmarks import ct_cuda

BOTH = ("forward", "adjoint")


def missed(results: dict[str, Any]) -> list[str]:
    """A sentence for every goal that was not reached; goals whose peers or thread counts are absent say so."""
    goals = _Goals(results)
    for angles in (180, 720):
        if f"parallel {angles}" not in results["tables"]:
            continue
        for threads, factor in ((1, 40), (2, 60)):
            for way in BOTH:
                goals.ratio(f"parallel {angles}", "ASTRA CPU, linear", "recon shear, batch of 1", way, threads, factor)
        for way in BOTH:
            goals.ratio(f"parallel {angles}", "recon joseph, batch of 1", "recon joseph, batch of 16", way, 1, 1 / 0.35)
            goals.ratio(f"parallel {angles}", "recon shear, batch of 1", "recon shear, batch of 16", way, 1, 1.0)
    for name, factors in (("recon joseph, batch of 1", (8, 4)), ("recon joseph, batch of 16", (15, 15))):
        for way, factor in zip(BOTH, factors, strict=True):
            goals.ratio("fan 180", "ASTRA CPU, line_fanflat", name, way, 1, factor)
    for way in BOTH:
        goals.ratio("cone 180", "naive Joseph in Numba", "recon joseph, batch of 1", way, 1, 7)
    cone = goals.times("cone 180", "recon joseph, batch of 1")
    if cone and cone["adjoint 1"] > 1.3 * cone["forward 1"]:
        goals.add(f"cone: the adjoint takes {cone['adjoint 1'] / cone['forward 1']:.2f} times the forward, goal 1.3")
    for key, name in (
        ("parallel 180", "recon shear, batch of 1"),
        ("fan 180", "recon joseph, batch of 1"),
        ("cone 180", "recon joseph, batch of 1"),
    ):
        times = goals.times(key, name)
        for way in BOTH:
            if times and f"{way} 2" in times and times[f"{way} 1"] / times[f"{way} 2"] < 1.7:
                gain = times[f"{way} 1"] / times[f"{way} 2"]
                goals.add(f"{key}, {name}, {way}: two threads are {gain:.2f} times as fast as one, goal 1.7")
    shear = goals.times("parallel 180", "recon shear, batch of 1")
    if shear:
        for way in BOTH:
            share = 180 * 512**2 / (1e-3 * shear[f"{way} 1"]) / results["lerps per second"]
            if share < 0.5:
                goals.add(f"shear {way}: {share:.2f} of the machine's lerp rate, goal 0.5")
    for name, (cold, warm) in results["first calls"].items():
        if cold > 6:
            goals.add(f"{name}: the first call of all takes {cold:.1f} s, goal 6")
        if warm > 0.5:
            goals.add(f"{name}: the first call of a process takes {warm:.2f} s, goal 0.5")
    for peer, factor in (("ODL with ASTRA CPU", 20), ("deepinv", 40)):
        found = results["end to end"].get(peer)
        if found is None:
            goals.add(f"end to end: {peer} did not run")
        elif found["ratio"] < factor:
            goals.add(f"end to end: {found['ratio']:.1f} times as fast as {peer}, goal {factor}")
    goals.accuracy()
    for sentence in ct_cuda.missed(results["cuda"]) if "cuda" in results else ():
        goals.add(sentence)
    return goals.found


class _Goals:
    def __init__(self, results: dict[str, Any]) -> None:
        self.results = results
        self.found: list[str] = []

    def add(self, goal: str) -> None:
        self.found.append(goal)

    def row(self, table: str, name: str) -> dict[str, Any] | None:
        return next((row for row in self.results["tables"].get(table, ()) if row["name"] == name), None)

    def times(self, table: str, name: str) -> dict[str, float]:
        row = self.row(table, name)
        return {} if row is None else row["milliseconds"]

    def ratio(self, table: str, slow: str, fast: str, way: str, threads: int, goal: float) -> None:
        key = f"{way} {threads}"
        a, b = self.times(table, slow).get(key), self.times(table, fast).get(key)
        if a is None or b is None:
            self.add(f"{table}, {key}: {slow} or {fast} did not run")
        elif a / b < goal:
            plural = "s" if threads > 1 else ""
            self.add(
                f"{table}, {way}, {threads} thread{plural}: {fast} is {a / b:.2f} times as fast as {slow}, "
                f"goal {goal:.3g}"
            )

    def accuracy(self) -> None:
        """Errors against exact line integrals, and adjoints."""
        joseph, shear = (self.row("parallel 180", f"recon {m}, batch of 1") for m in ("joseph", "shear"))
        astra = self.row("parallel 180", "ASTRA CPU, linear")
        if joseph and astra and joseph["error"] > 1.01 * astra["error"]:
            self.add(f"Joseph's error is {joseph['error'] / astra['error']:.3f} of ASTRA's, goal 1.01")
        if joseph and shear and shear["error"] > 1.12 * joseph["error"]:
            self.add(f"shear's error is {shear['error'] / joseph['error']:.3f} of Joseph's, goal 1.12")
        for table, rows in self.results["tables"].items():
            for row in rows:
                if row["name"].startswith("recon") and row["dot"] > 1e-6:
                    self.add(f"{table}, {row['name']}: adjoint off by {row['dot']:.0e}, goal 1e-6")
