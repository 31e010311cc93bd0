"""``python -m dubbing`` is the ``dubbing`` command."""

from dubbing.cli import main

if __name__ == "__main__":
    main()
