#!/bin/sh
# Usage: test-programs.sh [PROGRAM...]
# Installs the programs that tests start, and those named, as far as they are missing
# and may be installed. Never fails: a test whose program is missing is skipped and named
# (tests/plugins/needs.py), and fails with CI=true; a benchmark says what it needs.
set -eu

missing=
wants() { # PACKAGE PROGRAM...: the Debian package, or A|B, and the programs that serve
    package=$1
    shift
    for program in "$@"; do
        if command -v "$program" >/dev/null 2>&1; then return; fi
    done
    missing="$missing $package"
}

wants chromium chromium chromium-browser google-chrome
wants redis-server redis-server valkey-server
wants nginx-light nginx /usr/sbin/nginx
wants "varnish|vinyl-cache" varnishd /usr/sbin/varnishd vinyld /usr/sbin/vinyld # one program
wants php-cli php
wants prometheus promtool
wants nodejs node
wants npm npm
for program in "$@"; do wants "$program" "$program"; done

[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086  # the list is to be split
"$(dirname "$0")/apt-install.sh" $missing || true
