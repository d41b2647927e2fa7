#!/bin/sh
# Installs the npm packages that tests run (tests/clients) and that build and check the
# snippet (web), or those of the folders it is given, unless they are there. Never fails:
# without npm, or without a registry,
# their tests are skipped and named (tests/plugins/needs.py), and fail with CI=true.
set -eu

cd "$(dirname "$0")/.."
stamp=node_modules/.installed # executable, so that tests find it as they find programs
command -v npm >/dev/null 2>&1 || exit 0
[ $# -gt 0 ] || set -- tests/clients web
for folder in "$@"; do
    (
        cd "$folder"
        [ "$stamp" -nt package.json ] && exit 0
        echo "Installing the npm packages of $folder"
        npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error
        touch "$stamp"
        chmod +x "$stamp"
    ) || true
done
