"""Quadrature weights of projection angles."""

import math

import pytest
import torch

from recon.operators.ct.angular_weights import angular_weights


@pytest.mark.parametrize("turn", [math.pi, 2 * math.pi])
@pytest.mark.parametrize("count", [1, 2, 7, 180])
def test_uniform_angles_share_a_half_turn_equally(turn, count):
    weights = angular_weights([0.3 + turn * a / count for a in range(count)])
    torch.testing.assert_close(weights, torch.full((count,), math.pi / count, dtype=torch.float64))


def test_order_and_full_turns_do_not_matter():
    generator = torch.Generator().manual_seed(1)
    angles = torch.rand(50, generator=generator, dtype=torch.float64) * math.pi
    weights = angular_weights(angles.tolist())
    assert float(weights.sum()) == pytest.approx(math.pi)
    shuffle = torch.randperm(50, generator=generator)
    turned = angles[shuffle] + math.pi * torch.randint(-3, 4, (50,), generator=generator).double()
    torch.testing.assert_close(angular_weights(turned.tolist()), weights[shuffle])


def test_each_direction_has_half_the_gaps_beside_it():
    weights = angular_weights([0.0, 0.2, 1.0])
    last = math.pi - 1.0
    torch.testing.assert_close(weights, torch.tensor([(0.2 + last) / 2, 0.5, (0.8 + last) / 2], dtype=torch.float64))


def test_views_of_one_direction_share_its_weight():
    single = angular_weights([0.0, 1.0, 2.0])
    doubled = angular_weights([0.0, math.pi, 1.0, 2.0, 1.0 - math.pi, 1.0])
    torch.testing.assert_close(doubled, single[[0, 0, 1, 2, 1, 1]] / torch.tensor([2, 2, 3, 1, 3, 3]))


def test_integrates_smooth_functions_of_period_pi_to_second_order():
    errors = []
    for count in (40, 80):
        steps = torch.arange(count, dtype=torch.float64) / count
        angles = math.pi * (steps + 0.1 * torch.sin(2 * math.pi * steps))
        total = angular_weights(angles.tolist()) @ torch.exp(torch.cos(2 * angles))
        errors.append(abs(float(total) - math.pi * float(torch.special.i0(torch.tensor(1.0, dtype=torch.float64)))))
    assert errors[1] < errors[0] / 3.5


def test_a_missing_wedge_is_not_laid_on_the_views_beside_it():
    weights = angular_weights([math.radians(a) for a in range(120)])
    torch.testing.assert_close(weights, torch.full((120,), math.radians(1), dtype=torch.float64))
