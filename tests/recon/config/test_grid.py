"""From a benchmark file to its combinations."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.config.errors import ConfigError
from recon.config.grid import BenchSpec
from recon.config.show import to_yaml
from recon.config.values import ComponentSpec
from tests.recon.config.conftest import BENCH, Load

AXES = ("dataset", "operator", "noise", "method")


def grid(spec: BenchSpec) -> list[str]:
    """The combinations, dataset and noise left out where there is one of each."""
    shown = [axis for axis in AXES if len(spec.axes[axis]) > 1]
    return [" ".join(one.names[axis] for axis in shown) for one in spec.combinations]


def test_every_combination_with_methods_fastest(bench: Load) -> None:
    assert grid(bench()) == ["identity tv", "identity least", "gaussian_blur tv", "gaussian_blur least"]


def test_sweeps_multiply_over_the_axes(bench: Load) -> None:
    text = BENCH.replace("std: 1", "std: {each: [1, 2]}").replace("sigma: 0.1", "sigma: {each: [0.1, 0.2]}")
    spec = bench(text)
    assert len(spec.combinations) == 3 * 2 * 2
    assert grid(spec)[6] == "gaussian_blur-std=1 gaussian-sigma=0.2 tv"
    combination = spec.combinations[6]
    assert combination.job.operator.params["std"] == 1
    assert combination.job.noise.params["sigma"] == 0.2
    assert combination.scene.noise.params["sigma"] == 0.2
    assert combination.scene.prior is None


def test_on_and_with_choose_and_exclude_leaves_out(bench: Load) -> None:
    text = BENCH.replace("{id: least,", "{id: least, on: {operator: 'gauss*'},")
    assert grid(bench(text)) == ["identity tv", "gaussian_blur tv", "gaussian_blur least"]
    text = BENCH.replace("std: 1", "std: 1, with: {method: [least]}")
    assert grid(bench(text)) == ["identity tv", "identity least", "gaussian_blur least"]
    assert grid(bench(BENCH + "exclude: [{operator: identity, method: 't*'}, {operator: gau*, method: least}]\n")) == [
        "identity least",
        "gaussian_blur tv",
    ]


def test_filters_know_variants_of_sweeps_by_their_names(bench: Load) -> None:
    text = BENCH.replace("std: 1", "std: {each: [1, 2]}").replace(
        "{id: least,", "{id: least, on: {operator: '*std=2'},"
    )
    assert [name for name in grid(bench(text)) if name.endswith("least")] == ["gaussian_blur-std=2 least"]


def test_a_benchmark_wins_over_its_base(bench: Load) -> None:
    Path("shared").mkdir()
    Path("shared/common.yaml").write_text(BENCH.replace("x.npy", "y.npy") + "seeds: [1, 2]\nlimits: {seconds: 5}\n")
    Path("shared/y.npy").touch()
    spec = bench("base: shared/common.yaml\nseeds: [3]\nlimits: {memory: 1}\n")
    assert (spec.seeds, spec.limits.params) == ([3], {"seconds": 5.0, "memory": 1.0})
    assert spec.combinations[0].scene.input.params["path"] == Path("shared/y.npy")
    assert grid(bench("base: shared/common.yaml\nmethods: [{solver: cgls}]\n")) == ["identity", "gaussian_blur"]


def test_mistakes_in_a_base_are_told_where_they_stand(bench: Load) -> None:
    Path("common.yaml").write_text(BENCH.replace("lam: 0.1", "lamm: 0.1"))
    with pytest.raises(ConfigError, match=r"^common.yaml:6:46: prior 'tv' takes no 'lamm'; did you mean 'lam'\?$"):
        bench("base: common.yaml\n")


def test_overrides_reach_into_lists(bench: Load) -> None:
    spec = bench(BENCH, "methods.0.prior.lam=7", "noise.sigma={each: [1, 2]}", "seeds=[4, 5]")
    assert spec.combinations[0].job.prior.params["lam"] == 7
    assert [entry.id for entry in spec.axes["noise"]] == ["gaussian-sigma=1", "gaussian-sigma=2"]
    assert spec.seeds == [4, 5]


def test_the_job_of_a_value_that_is_to_be_found(bench: Load) -> None:
    spec = bench(BENCH.replace("lam: 0.1", "lam: {tune: [1e-2, 1]}"))
    combination = spec.combinations[0]
    assert combination.job.prior.params["lam"] == pytest.approx(0.1)
    assert spec.job(combination, 0.5).prior.params["lam"] == 0.5


def test_seeds_make_a_difference_to_measurements_and_to_samplers(bench: Load) -> None:
    assert all(one.seeded for one in bench().combinations)
    measured = BENCH.replace("id: photos", "id: scans, measured: yes")
    assert not any(one.seeded for one in bench(measured).combinations)
    sampling = "{id: dps, solver: dps, prior: gaussian, samples: 2}"
    drawn = measured.replace("  - {id: least, solver: cgls}", f"  - {sampling}")
    assert [one.seeded for one in bench(drawn).combinations] == [False, True] * 2
    assert not any(one.seeded for one in bench(drawn, "methods.1.solver={name: dps, seed: 3}").combinations)


WHOLE = """\
recon: 1
datasets:
  - {name: numpy, path: x.npy, id: photos, validation: 1, limit: 4, with: {operator: identity}}
  - {name: numpy, path: x.npy, id: more}
operators: [identity, {name: gaussian_blur, std: {each: [1, 2]}}]
noise: [{name: gaussian, sigma: {each: [0.1, 0.2]}}, {id: counts, name: poisson, gain: 0.01, with: {method: tv}}]
methods:
  - {id: tv, solver: pdhg, prior: [{name: tv, lam: {tune: [1e-2, 1]}}, nonneg], on: {dataset: photos}}
  - {id: dps, solver: dps, prior: gaussian, samples: 2}
  - {id: robust, solver: pdhg, fidelity: {name: huber, delta: 0.1}, prior: tv}
exclude: [{dataset: more, operator: '*std=2', method: dps}]
seeds: [1, 2]
metrics: [ssim, coverage]
limits: {seconds: 3}
"""


def test_what_is_shown_is_a_benchmark_that_means_the_same(bench: Load) -> None:
    """The seed that a job fills in for a sampler was once shown as one of the method's own."""
    spec = bench(WHOLE)
    shown = spec.plain()
    again = bench(to_yaml(shown))
    assert again.plain() == shown
    assert [one.names for one in again.combinations] == [one.names for one in spec.combinations]
    assert [one.job.plain() for one in again.combinations] == [one.job.plain() for one in spec.combinations]
    assert [one.seeded for one in again.combinations] == [True] * len(spec.combinations)
    assert shown["methods"][0]["prior"][0]["lam"] == {"tune": [1e-2, 1]}
    assert "seed" not in shown["methods"][1]["solver"]
    assert [entry["id"] for entry in shown["operators"]] == ["identity", "gaussian_blur-std=1", "gaussian_blur-std=2"]


def test_measurements_without_noise_are_shown_without(bench: Load) -> None:
    text = BENCH.replace("id: photos", "id: scans, measured: yes").replace("noise: {name: gaussian, sigma: 0.1}\n", "")
    spec = bench(text)
    assert "noise" not in spec.plain()
    assert bench(to_yaml(spec.plain())).plain() == spec.plain()
    assert spec.combinations[0].names["noise"] == "as measured"


def test_a_fidelity_takes_the_place_of_the_noise_in_the_method_only(bench: Load) -> None:
    text = BENCH.replace(
        "{id: least, solver: cgls}", "{id: robust, solver: pdhg, fidelity: {name: huber, delta: 1}, prior: tv}"
    )
    combination = bench(text).combinations[1]
    assert combination.job.noise is None
    assert isinstance(combination.job.fidelity, ComponentSpec)
    assert isinstance(combination.scene.noise, ComponentSpec)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lam: 0.1", "lamm: 0.1", "6:46: prior 'tv' takes no 'lamm'; did you mean 'lam'?"),
        ("std: 1", "stdd: 1", "3:45: operator 'gaussian_blur' takes no 'stdd'; did you mean 'std'?"),
        ("std: 1", "std: 1, on: {method: tv}", "3:53: 'operators' choose what they go with by 'with', not by 'on'."),
        ("path: x.npy", "path: z.npy", "2:32: input 'numpy' finds no file or folder 'z.npy'; did you mean 'x.npy'?"),
        (
            "sigma: 0.1",
            "sigma: high",
            "4:32: noise 'gaussian' expects 'estimate', a number or an array "
            "(numbers, a file or from-file) for 'sigma', got 'high'.",
        ),
        (
            "least, solver: cgls",
            "tv, solver: cgls",
            "7:5: a second method is called 'tv', as that at bench.yaml:6:5; add an id.",
        ),
        (
            "{id: least,",
            "{id: least, on: {operator: none},",
            "7:32: 'none' matches no operator; there are 'identity' and 'gaussian_blur'.",
        ),
        ("std: 1", "std: 1, with: {method: lest}", "3:68: 'lest' matches no method; did you mean 'least'?"),
        ("std: 1", "std: 1, with: {dataset: photos}, boundary: odd", "3:88: operator 'gaussian_blur' expects"),
    ],
)
def test_mistakes(bench: Load, old: str, new: str, message: str) -> None:
    assert old in BENCH
    with pytest.raises(ConfigError) as error:
        bench(BENCH.replace(old, new))
    assert str(error.value).startswith(f"bench.yaml:{message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("exclude: [{operator: none}]", "8:22: 'none' matches no operator; there are 'identity' and 'gaussian_blur'."),
        ("exclude: [{operators: identity}]", "8:12: 'exclude' takes no 'operators'; did you mean 'operator'?"),
        (
            "exclude: [tv]",
            "8:11: 'exclude' expects a mapping of 'dataset', 'operator', 'noise' and 'method' to names, got 'tv'.",
        ),
        ("exclude: [{method: tv}]", "6:5: the method 'tv' is part of no combination; see its filters."),
        ("exclude: [{method: '*'}]", "2:12: the dataset 'photos' is part of no combination; see its filters."),
    ],
)
def test_exclusions_that_make_no_sense(bench: Load, line: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        bench(f"{BENCH}{line}\n")
    assert str(error.value) == f"bench.yaml:{message}"


def test_an_exclusion_of_what_filters_leave_out_anyway_is_a_mistake(bench: Load) -> None:
    text = BENCH.replace("{id: least,", "{id: least, on: {operator: identity},")
    with pytest.raises(ConfigError) as error:
        bench(text + "exclude: [{method: least, operator: gau*}]\n")
    assert str(error.value) == "bench.yaml:8:11: this excludes nothing: no combination is of this kind."


def test_filters_that_contradict_each_other(bench: Load) -> None:
    text = BENCH.replace("{id: least,", "{id: least, on: {operator: gau*},").replace(
        "std: 1", "std: 1, with: {method: tv}"
    )
    with pytest.raises(ConfigError) as error:
        bench(text)
    assert str(error.value) == "bench.yaml:7:5: the method 'least' is part of no combination; see its filters."


def test_images_need_noise_of_a_known_level(bench: Load) -> None:
    with pytest.raises(ConfigError) as error:
        bench(BENCH.replace("noise: {name: gaussian, sigma: 0.1}\n", ""))
    assert str(error.value) == (
        "bench.yaml:2:12: the dataset 'photos' holds images, and nothing says how measurements of them scatter; "
        "add noise, or measured: yes where the items are measurements."
    )
    with pytest.raises(ConfigError) as error:
        bench(BENCH, "noise.sigma=estimate")
    said = "noise 'gaussian' makes the measurements of 'photos'; give its level."
    assert str(error.value) == f"--set noise.sigma=estimate: {said}"
    bench(BENCH.replace("id: photos", "id: scans, measured: yes"), "noise.sigma=estimate")


def test_tuning_needs_validation_items(bench: Load) -> None:
    text = BENCH.replace("lam: 0.1", "lam: {tune: [1e-2, 1]}").replace(", validation: 1", "")
    with pytest.raises(ConfigError) as error:
        bench(text)
    assert str(error.value) == (
        "bench.yaml:6:51: prior.lam of the method 'tv' is to be found, and the dataset 'photos' keeps no items for "
        "that; say validation: 2 there, or leave it out by 'on'."
    )


def test_jobs_and_benchmarks_are_told_apart(bench: Load) -> None:
    with pytest.raises(ConfigError) as error:
        bench("recon: 1\ninput: {name: numpy, path: x.npy}\noperator: identity\n")
    assert (
        str(error.value)
        == "bench.yaml:2:1: 'input' makes this a job rather than a benchmark; recon reconstruct runs it."
    )
    with pytest.raises(ConfigError, match=r"^bench.yaml:8:1: a benchmark takes no 'input'; "):
        bench(BENCH + "input: {name: numpy, path: x.npy}\n")


def test_the_run_does_not_go_among_its_data(bench: Load) -> None:
    Path("data").mkdir()
    Path("data/x.npy").touch()
    with pytest.raises(ConfigError, match=r"bench.yaml:8:16: the results would lie among the input, and be read as "):
        bench(BENCH.replace("path: x.npy", "path: data") + "output: {path: data}\n")
