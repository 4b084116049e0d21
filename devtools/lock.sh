#!/usr/bin/env bash
# devtools/lock.sh NAME: requirements/NAME.in (and pyproject.toml) -> requirements/NAME.txt, for Python 3.10-3.14.
# devtools/lock.sh --check NAME: fails if requirements/NAME.txt does not fit its sources; it renews and changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

check=
[ "$1" = --check ] && { check=yes; shift; }
name=$1
case $name in
    uv) project=() ;;
    release) project=(--group pyproject.toml:release) ;;
    *) project=(pyproject.toml --extra arrow --group dev) ;;
esac

compile() {  # compile FILE [OPTION]: resolve into FILE
    .make/uv pip compile --quiet "${@:2}" --universal --python-version 3.10 --python-preference only-system \
        --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
        "${project[@]}" "requirements/$name.in" --output-file "$1" >/dev/null
}

if [ -n "$check" ]; then
    # Versions in the output file are kept where they still fit.
    copy=$(mktemp)
    trap 'rm -f "$copy"' EXIT
    cp "requirements/$name.txt" "$copy"
    compile "$copy"
    diff "requirements/$name.txt" "$copy" >&2
    exit
fi

compile "requirements/$name.txt" --upgrade

if grep -nE '://|--(index|extra-index|find-links)' "requirements/$name.txt"; then
    echo "requirements/$name.txt names an index" >&2
    exit 1
fi
