#!/bin/sh
# Installs Debian packages where that needs no question: apt-get is there, and
# we are root or sudo asks for no password. Fails otherwise, with one line why.
set -eu

if ! command -v apt-get >/dev/null 2>&1; then
    echo "No apt-get here; install by hand: $*" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "Not root and sudo asks for a password; install by hand: apt-get install $*" >&2
    exit 1
fi

echo "Installing Debian packages: $*"
$as_root apt-get -qq update
# In run level 1 packages do not start their daemons: tests start their own.
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
