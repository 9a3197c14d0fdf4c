"""Point estimates from diffusion priors."""
