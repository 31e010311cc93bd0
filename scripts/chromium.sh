#!/bin/sh
# Installs Chromium from Debian's own packages, for the tests that drive the pages in a browser.
set -eu
if command -v chromium >/dev/null 2>&1; then
    echo "Chromium is installed already."
    exit 0
fi
command -v apt-get >/dev/null 2>&1 || {
    echo "This target needs Debian's apt-get; elsewhere install Chromium by hand so that 'chromium' starts it." >&2
    exit 1
}
run=""
[ "$(id -u)" -eq 0 ] || run="sudo"
$run apt-get update -q
$run apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core
