"""Speed of the library on this machine; see `lipsync_core.bench.__main__`."""
