"""Quality control of a dub: checks, each of which reads values that were measured and says what it finds."""
