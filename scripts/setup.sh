#!/bin/sh
# Builds .venv from requirements.lock; run again, it brings an old .venv up to date.
set -eu
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "$PYTHON" python3.11 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

python=$(find_python) || {
    echo "Python 3.11 was not found. On Debian or Ubuntu: apt-get install python3.11 python3.11-venv" >&2
    echo "(or name another one: make setup PYTHON=/path/to/python3.11)" >&2
    exit 1
}

if [ ! -x .venv/bin/python ]; then
    echo "Creating the environment in .venv"
    "$python" -m venv .venv || {
        rm -rf .venv
        echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt-get install python3.11-venv" >&2
        exit 1
    }
fi

if ! .venv/bin/python -m uv --version 2>/dev/null | grep -q "^uv $UV_VERSION "; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"
fi

echo "Installing the pinned packages (about 8 GB on disk; a minute or two with a good line)"
# The lock is complete and hashed, so nothing is resolved again and nothing unverified comes in.
.venv/bin/python -m uv pip install --quiet --python .venv/bin/python --no-deps --require-hashes -r requirements.lock
.venv/bin/python -m uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
touch .venv/.installed
echo "The environment is ready: .venv/bin/dubbing --help"
