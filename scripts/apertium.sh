#!/bin/sh
# Installs Apertium with Spanish to and from English, Portuguese, Italian and French, from Debian's or Ubuntu's own
# packages. cg3 tells apart what a word can be, for Italian.
set -eu
installed() {
    for pair in eng-spa es-pt spa-ita fr-es; do
        apertium -l 2>/dev/null | grep -q "$pair" || return 1
    done
    command -v cg-proc >/dev/null 2>&1
}
if command -v apertium >/dev/null 2>&1 && installed; then
    echo "Apertium and its Spanish pairs are installed already."
    exit 0
fi
command -v apt-get >/dev/null 2>&1 || {
    echo "This target needs Debian's or Ubuntu's apt-get; elsewhere install apertium, its Spanish pairs and cg3 by hand." >&2
    exit 1
}
run=""
[ "$(id -u)" -eq 0 ] || run="sudo"
$run apt-get update -q
$run apt-get install -y -q --no-install-recommends apertium apertium-eng-spa apertium-es-pt apertium-spa-ita \
    apertium-fr-es cg3
