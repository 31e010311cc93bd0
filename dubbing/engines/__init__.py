"""Pluggable engines: recognizers, diarizers, translators, synthesizers, separators, lip-syncers."""
