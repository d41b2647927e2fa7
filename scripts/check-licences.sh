#!/bin/sh
# Fails where a package that the service needs at run time has a licence that is not listed.
# Permissive ones, and MPL-2.0: its terms reach only files of the package, which we do not change.
# Usage: check-licences.sh [BIN], the folder of pip-licenses.
set -eu

cd "$(dirname "$0")/.."
bin=${1:-.venv/bin}
packages=$(sed -n 's/^\([A-Za-z0-9._-]*\)\(\[[^]]*\]\)\{0,1\}==.*/\1/p' requirements/base.txt)
# shellcheck disable=SC2086  # one argument each
exec "$bin/pip-licenses" --from=mixed --partial-match --packages $packages --format=json \
    --output-file=/dev/null \
    --allow-only="MIT;BSD;Apache;PSF-2.0;Python Software Foundation;Mozilla Public License 2.0"
