"""How states go from one noise level to the next."""
