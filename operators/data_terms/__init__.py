"""Data terms that are no likelihoods of the noise models, or need none."""
