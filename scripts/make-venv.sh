#!/bin/sh
# Makes the virtual environment named by $1 with the newest Python from 3.11 on.
# $PYTHON, when set, is the only one tried. An environment that works is kept.
set -eu

venv=$1
usable='import sys; sys.exit(sys.version_info < (3, 11))'
packed='import ensurepip, venv'
first=

if "$venv/bin/python" -c "$usable" >/dev/null 2>&1 && [ -x "$venv/bin/pip" ]; then exit 0; fi

make_with() {
    echo "Making $venv with $("$1" --version)"
    "$1" -m venv --clear "$venv"
    exit 0
}

for python in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
    "$python" -c "$usable" >/dev/null 2>&1 || continue
    [ -n "$first" ] || first=$python
    if "$python" -c "$packed" >/dev/null 2>&1; then make_with "$python"; fi
done

if [ -z "$first" ]; then
    echo "edgeseg needs Python 3.11 or newer; none was found." >&2
    echo "Install one (Debian: apt-get install python3 python3-venv; macOS: brew install python3)" >&2
    echo "or name it: make PYTHON=/path/to/python3 ..." >&2
    exit 1
fi

# Debian packs venv apart from the interpreter.
"$(dirname "$0")/apt-install.sh" python3-venv || true
if "$first" -c "$packed" >/dev/null 2>&1; then make_with "$first"; fi
echo "$("$first" --version) has no venv module here. Debian: apt-get install python3-venv" >&2
exit 1
