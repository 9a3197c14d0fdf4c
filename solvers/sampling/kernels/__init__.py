"""Random numbers, compiled."""
