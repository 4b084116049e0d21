#!/usr/bin/env bash
# devtools/lock.sh NAME: requirements/NAME.in (and pyproject.toml) -> requirements/NAME.txt, for Python 3.10-3.14.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
project=(pyproject.toml --extra arrow --group dev)
[ "$name" = uv ] && project=()

.make/uv pip compile --quiet --upgrade --universal --python-version 3.10 --python-preference only-system \
    --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
    "${project[@]}" "requirements/$name.in" --output-file "requirements/$name.txt" >/dev/null

if grep -nE '://|--(index|extra-index|find-links)' "requirements/$name.txt"; then
    echo "requirements/$name.txt names an index" >&2
    exit 1
fi
