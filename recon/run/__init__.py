"""Running jobs: from checked descriptions to objects, from items to results on disk."""
