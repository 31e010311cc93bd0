"""Generators that are networks, behind the interface of the atlas: same tracks, same lines in, same patches out."""
