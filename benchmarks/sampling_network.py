"""Networks for ``benchmarks.sampling``, and a meter for the time spent in them."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

from recon.priors.learned.diffusion_unet import DiffusionUNet


class Cheap(nn.Module):
    """F(x, c) = w ⊙ x, a weight a pixel: next to no work, so that what is left is the sampler's own."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.05, 0.15, pixels**2).reshape(pixels, pixels))

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        return self.weight * x


def unet(widths: tuple[int, ...]) -> nn.Module:
    """A U-Net with random weights and small outputs.

    So the denoiser's derivative is nearly symmetric and positive: libraries' linear solvers part ways where it is not.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = DiffusionUNet(widths=widths, sigma_data=1.0)
        with torch.no_grad():
            for parameter in network.parameters():
                if not parameter.any():
                    parameter.normal_(std=0.02)
            network.leave.weight *= 0.02
    return network.eval()


class Meter:
    """Calls of a network and of its adjoint derivative, and CPU seconds spent in both unless it is not to be ``timed``.

    On a GPU it is not: a clock that waits for the device would change what is measured.
    """

    def __init__(self, timed: bool = True) -> None:
        self.timed = timed
        self.reset()

    def clock(self) -> float:
        """Now, or always the same."""
        return time.process_time() if self.timed else 0.0

    def reset(self) -> None:
        self.forward = self.backward = 0
        self.seconds = self.began = 0.0

    @property
    def calls(self) -> tuple[int, int]:
        return self.forward, self.backward


class Metered(nn.Module):
    """A network that is counted and timed.

    Markers around the graph of a call notice where its adjoint derivative begins and ends.
    """

    def __init__(self, network: nn.Module, meter: Meter) -> None:
        super().__init__()
        self.network, self.meter = network, meter

    def forward(self, x: Tensor, level: Tensor, class_labels: object = None) -> Tensor:
        began = self.meter.clock()
        self.meter.forward += 1
        if torch.is_grad_enabled() or torch._C._functorch.maybe_current_level() is not None:
            out: Tensor = _Begins.apply(self.network(_Ends.apply(x, self.meter), level), self.meter)
        else:
            out = self.network(x, level)
        self.meter.seconds += self.meter.clock() - began
        return out


class _Marker(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, meter: Meter) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Meter], output: Tensor) -> None:
        ctx.meter = inputs[1]


class _Begins(_Marker):
    """Around the output: its backward runs before that of the network."""

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        ctx.meter.backward += 1
        ctx.meter.began = ctx.meter.clock()
        return g, None


class _Ends(_Marker):
    """Around the input: its backward runs after that of the network."""

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        ctx.meter.seconds += ctx.meter.clock() - ctx.meter.began
        return g, None
