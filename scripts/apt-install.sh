#!/bin/sh
# Installs Debian packages where that needs no question: apt-get is there, and
# we are root or sudo asks for no password. Of names joined by | the first that this
# release of Debian has is taken. What it cannot install it names, with the reason,
# and fails; the rest is installed all the same.
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

first_of() { # NAME...: the first that can be installed here
    for name in "$@"; do
        if apt-get -qq --simulate install "$name" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
}

echo "Installing Debian packages: $*"
$as_root apt-get -qq update
found=
absent=
for wanted in "$@"; do
    # shellcheck disable=SC2046  # the names are to be split
    name=$(first_of $(echo "$wanted" | tr '|' ' '))
    if [ -n "$name" ]; then found="$found $name"; else absent="$absent $wanted"; fi
done
# In run level 1 packages do not start their daemons: tests start their own.
# shellcheck disable=SC2086  # the list is to be split
[ -z "$found" ] || $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get -qq install --yes --no-install-recommends $found >/dev/null
if [ -n "$absent" ]; then
    echo "This release of Debian does not have:$absent" >&2
    exit 1
fi
