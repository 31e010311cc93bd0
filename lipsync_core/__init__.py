"""Lip-sync as a library: faces, articulation, mouth atlas, patches. Never imports dubbing or ui."""

__version__ = "0.1.0"
