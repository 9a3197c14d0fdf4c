import torch

from recon.solvers import Ancestral, Level


def test_the_step_is_that_of_ddpm_in_variance_preserving_coordinates() -> None:
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    alpha_bar = torch.cumprod(1 - betas, 0)
    t = torch.tensor([1, 2, 500, 999])
    previous, now, beta = alpha_bar[t - 1], alpha_bar[t], betas[t]
    generator = torch.Generator().manual_seed(0)
    x, x0, z = torch.randn(3, 4, 2, 3, generator=generator, dtype=torch.float64)

    def wide(v: torch.Tensor) -> torch.Tensor:
        return v[:, None, None]

    mean = wide(previous.sqrt() * beta / (1 - now)) * x0 + wide((1 - beta).sqrt() * (1 - previous) / (1 - now)) * x
    wanted = mean + wide(((1 - previous) / (1 - now) * beta).sqrt()) * z

    u = x / wide(now.sqrt())
    sigma, lower = ((1 - now) / now).sqrt(), ((1 - previous) / previous).sqrt()
    level = Level(sigma, lower, torch.full_like(sigma, torch.inf))
    move = Ancestral().step(lambda v, here: x0, u, level, lambda draw, like=None: z, ())
    torch.testing.assert_close(move.u * wide(previous.sqrt()), wanted)
    assert torch.equal(move.x0, x0)
