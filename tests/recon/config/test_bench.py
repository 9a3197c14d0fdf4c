"""The plain keys of a benchmark."""

from pathlib import Path

import pytest

from recon.config.bench import HIGHER, METRICS
from recon.config.errors import ConfigError
from tests.recon.config.conftest import BENCH, Load


def test_defaults(bench: Load) -> None:
    spec = bench()
    assert (spec.name, spec.seeds, spec.device, spec.dtype) == ("bench", (0,), "auto", "float32")
    assert list(spec.metrics) == ["psnr", "ssim", "nmse"]
    assert spec.limits.params == {"seconds": 3600.0, "memory": None}
    assert spec.timing.params == {"repeats": 1, "warm_up": 2}
    assert spec.tuning.params == {"metric": "mse", "tol": 0.1, "max_solves": 20}
    assert spec.folder == Path("out/bench")


def test_one_of_something_needs_no_list(bench: Load) -> None:
    spec = bench(BENCH + "seeds: 7\nmetrics: ssim\nexclude: {operator: identity, method: tv}\n")
    assert (spec.seeds, spec.metrics, len(spec.combinations)) == ([7], ["ssim"], 3)


def test_the_folder(bench: Load) -> None:
    assert bench(BENCH + "output: {path: there}\n").folder == Path("there")
    assert bench(BENCH + "output: {path: there}\n", out=Path("else")).folder == Path("else")


def test_a_part_may_be_given_in_part(bench: Load) -> None:
    spec = bench(BENCH + "limits: {seconds: null, memory: 2}\ntiming: {repeats: 3}\n")
    assert spec.limits.params == {"seconds": None, "memory": 2.0}
    assert spec.timing.params == {"repeats": 3, "warm_up": 2}


def test_what_is_better_is_known_of_metrics() -> None:
    assert set(HIGHER) <= set(METRICS)


def test_metrics_of_ones_own(bench: Load, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def largest(image, truth):\n    return (image - truth).abs().max()\n")
    spec = bench(BENCH + "metrics: [psnr, mine.py:largest]\n")
    assert spec.metrics == ["psnr", f"{(tmp_path / 'mine.py').resolve()}:largest"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: 3", "8:1: a benchmark takes no 'seed'; did you mean 'seeds'?"),
        ("seeds: []", "8:8: 'seeds' expects different whole numbers from 0 up, got []."),
        ("seeds: [1, 1]", "8:8: 'seeds' expects different whole numbers from 0 up, got [1, 1]."),
        ("seeds: [-1]", "8:8: 'seeds' expects different whole numbers from 0 up, got [-1]."),
        ("seeds: [a]", "8:9: a benchmark expects a list of whole numbers for 'seeds', got 'a'."),
        ("metrics: []", "8:10: 'metrics' expects at least one metric."),
        ("metrics: [psnrr]", "8:11: there is no metric 'psnrr'; did you mean 'psnr'?"),
        (
            "metrics: [psnr, mine.py:f]",
            "8:17: 'mine.py:f' names the file 'mine.py', which does not exist.",
        ),
        (
            "metrics: [no_such_package.metric]",
            "8:11: there is no package 'no_such_package' to import 'no_such_package.metric' from; install it first.",
        ),
        ("limits: {seconds: 0}", "8:19: limits expects a number above 0 for 'seconds', got 0.0."),
        ("limits: {seconds: .nan}", "8:19: limits expects a number above 0 for 'seconds', got nan."),
        ("limits: {second: 3}", "8:10: limits takes no 'second'; did you mean 'seconds'?"),
        ("limits: {memory: -1}", "8:18: limits expects a number above 0 for 'memory', got -1.0."),
        ("timing: {repeats: 0}", "8:19: timing expects a whole number from 1 up for 'repeats', got 0."),
        ("timing: {warm_up: -1}", "8:19: timing expects a whole number from 0 up for 'warm_up', got -1."),
        ("tuning: {tol: 0}", "8:15: tuning expects a number above 0 for 'tol', got 0.0."),
        ("tuning: {max_solves: 2}", "8:22: tuning expects a whole number from 3 up for 'max_solves', got 2."),
        ("device: gpu", "8:9: device expects 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'."),
        ("output: {formats: [npz]}", "8:10: output takes no 'formats'; it takes 'path'."),
    ],
)
def test_wrong_values(bench: Load, line: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        bench(f"{BENCH}{line}\n")
    assert str(error.value) == f"bench.yaml:{message}"


def test_wrong_metric_names_a_choice(bench: Load) -> None:
    with pytest.raises(ConfigError) as error:
        bench(BENCH, "tuning.metric=mae")
    choices = "'mse', 'nmse', 'psnr', 'ssim' or 'haarpsi'"
    said = f"tuning expects {choices} for 'metric', got 'mae'; did you mean 'mse'?"
    assert str(error.value) == f"--set tuning.metric=mae: {said}"


def test_what_must_be_there(bench: Load) -> None:
    with pytest.raises(ConfigError, match=r"bench.yaml:1:1: a benchmark needs 'datasets': a list of "):
        bench("recon: 1\noperators: identity\nmethods: {solver: cgls}\n")
    with pytest.raises(
        ConfigError, match=r"bench.yaml:1:1: this recon reads|bench.yaml:1:8: this recon reads jobs of "
    ):
        bench(BENCH.replace("recon: 1", "recon: 2"))
