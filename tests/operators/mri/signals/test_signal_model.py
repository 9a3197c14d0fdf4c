"""What all signal models share."""

import pytest
import torch

from recon.operators import InversionRecovery, SaturationRecovery, T2Decay, T2StarDecay, WaterFat

MODELS = [
    T2Decay([0.01, 0.05, 0.1], (2, 3)),
    T2StarDecay([0.004, 0.01, 0.03], (2, 3)),
    InversionRecovery([0.1, 0.7, 2.0], (2, 3), repetition_time=4.0, efficiency=None),
    SaturationRecovery([0.1, 0.7, 2.0], (2, 3)),
    WaterFat([0.001, 0.002, 0.0035, 0.005], (2, 3)),
]


def point(model, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.4 * torch.randn(2, *model.domain_shape, dtype=torch.complex128, generator=generator)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_closed_derivatives_are_those_of_automatic_differentiation(model):
    x, v = point(model), point(model, 1)
    w = torch.randn(2, *model.range_shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(2))
    value, move = torch.func.jvp(model.__call__, (x,), (v,))
    torch.testing.assert_close(model.jvp(x, v), move, rtol=1e-12, atol=1e-12)
    (back,) = torch.func.vjp(model.__call__, x)[1](w)
    torch.testing.assert_close(model.vjp(x, w), back, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.gauss_newton(x)(v), model.vjp(x, model.jvp(x, v)), rtol=1e-12, atol=1e-12)
    assert value.shape == (2, *model.range_shape)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_columns_are_the_derivatives_by_real_numbers(model):
    lone = model.on(())
    x = point(lone)
    columns = lone.columns(x)
    u = torch.randn(2, len(columns), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    moved = sum(column * u[:, j, None] for j, column in enumerate(columns))
    torch.testing.assert_close(lone.jvp(x, lone.packed(u)), moved)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_model_on_another_shape_does_the_same_voxel_by_voxel(model):
    x = point(model)
    other = model.on(())
    assert model.domain_shape[1:] == (2, 3)
    assert other.domain_shape == model.domain_shape[:1]
    torch.testing.assert_close(model(x)[1, :, 1, 2], other(x[1, :, 1, 2]))


def test_point_takes_numbers_and_maps_in_either_precision():
    model = T2Decay([0.01, 0.05], (2, 3))
    p = model.point(m0=1.0, t2=torch.full((2, 3), 0.08))
    assert p.dtype == torch.complex64
    assert p.shape == (2, 2, 3)
    assert model.point(m0=1.0, t2=torch.full((4, 2, 3), 0.1, dtype=torch.float64)).dtype == torch.complex128
    assert model.point(m0=1.0, t2=torch.full((4, 2, 3), 0.1)).shape == (4, 2, 2, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: T2Decay([15.0, 30.0, 120.0]),
            "T2Decay expects echo_times in s, got 15 to 120, which is long after a t2",
        ),
        (lambda: T2StarDecay([0, 2, 5]), "T2StarDecay expects echo_times in s, got 0 to 5, .* a t2_star of 0.03 s"),
        (
            lambda: InversionRecovery([5, 400, 3000]),
            "inversion_times in s, got 5 to 3000, .* t1 of 1 s; divide millisec",
        ),
        (lambda: SaturationRecovery([100, 800]), "recovery_times in s, got 100 to 800"),
        (lambda: WaterFat([1.1, 1.5, 1.9]), "WaterFat expects echo_times in s, got 1.1 to 1.9, .* 1/r2_star of 0.02 s"),
    ],
)
def test_milliseconds_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_milliseconds_throughout_and_long_times_of_slow_relaxation_pass():
    assert T2Decay([15, 120], t2=80).times.tolist() == [15, 120]
    assert InversionRecovery([0.05, 12.0], repetition_time=30.0).repetition_time == 30
    assert T2Decay([0.0, 0.3, 2.5]).range_shape == (3,)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: T2Decay([0.1, 0.1]), "T2Decay expects at least 2 different echo_times, .* got 1"),
        (lambda: T2StarDecay([0.01]), "at least 2 different echo_times"),
        (lambda: SaturationRecovery([0.5, 0.5]), "at least 2 different recovery_times"),
        (lambda: InversionRecovery([0.5, 1, 1], efficiency=None), "at least 3 different inversion_times, .* got 2"),
        (lambda: WaterFat([0.001, 0.002]), "at least 3 different echo_times"),
    ],
)
def test_as_many_different_times_as_maps_need(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("times", [None, "abc", [[0.1], [0.1, 0.2]], [None, 0.1], {}])
def test_times_that_are_no_numbers(times):
    with pytest.raises(
        TypeError, match="T2Decay expects echo_times to be a tensor or numbers in rows of one length, got"
    ):
        T2Decay(times)
