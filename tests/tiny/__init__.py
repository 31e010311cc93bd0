"""Tiny models in real formats, built by tests: the same files as the full ones, of a size that loads at once."""
