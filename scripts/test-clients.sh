#!/bin/sh
# Installs the npm clients that tests run (tests/clients), unless they are there. Never
# fails: without npm, or without a registry, their tests are skipped and named
# (tests/plugins/needs.py), and fail with CI=true.
set -eu

cd "$(dirname "$0")/../tests/clients"
stamp=node_modules/.installed # executable, so that tests find it as they find programs
[ "$stamp" -nt package.json ] && exit 0
command -v npm >/dev/null 2>&1 || exit 0
echo "Installing the npm clients for tests"
if npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error; then
    touch "$stamp"
    chmod +x "$stamp"
fi
