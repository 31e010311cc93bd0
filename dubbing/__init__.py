"""An open workspace that dubs video into other languages, lip-sync included."""

__version__ = "0.1.0"
