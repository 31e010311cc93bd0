"""What dubbing is about, in plain Python: no imports beyond the standard library."""
