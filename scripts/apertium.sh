#!/bin/sh
# Installs Apertium's English-Spanish pair from Debian's or Ubuntu's own packages.
set -eu
if command -v apertium >/dev/null 2>&1 && apertium -l 2>/dev/null | grep -q 'eng-spa'; then
    echo "Apertium English-Spanish is installed already."
    exit 0
fi
command -v apt-get >/dev/null 2>&1 || {
    echo "This target needs Debian's or Ubuntu's apt-get; elsewhere install apertium and apertium-eng-spa by hand." >&2
    exit 1
}
run=""
[ "$(id -u)" -eq 0 ] || run="sudo"
$run apt-get update -q
$run apt-get install -y -q --no-install-recommends apertium apertium-eng-spa
