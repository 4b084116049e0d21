#!/usr/bin/env bash
# Makes Python environments on a machine that may have nothing but some python3 (3.10-3.14).
#
#   devtools/uv.sh install            finds uv, or installs it under .make/, and leaves .make/uv to call it
#   devtools/uv.sh sync VENV LOCK     makes VENV hold what LOCK says, and this project
set -euo pipefail
cd "$(dirname "$0")/.."

say() { if [ -t 1 ]; then printf '\033[2m[make]\033[0m %s\n' "$*"; else printf '[make] %s\n' "$*"; fi; }
die() { printf '[make] %s\n' "$*" >&2; exit 1; }

# Prints the path of a python3 that this project supports. PYTHON, when set, is the only candidate.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.13 python3.14 python3.10}; do
        "$candidate" -c 'import sys; (3, 10) <= sys.version_info[:2] <= (3, 14) or sys.exit(1); print(sys.executable)' \
            2>/dev/null && return
    done
    die "no ${PYTHON:-python3} of version 3.10 to 3.14 on PATH; install one, or say make PYTHON=/path/to/python3"
}

# Debian splits venv from python3. Root may install it, others are told.
ensure_venv() {
    local python=$1 package
    "$python" -c 'import venv, ensurepip' 2>/dev/null && return
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing Debian's $package"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" \
            >/dev/null || die "apt-get could not install $package"
    else
        die "$python cannot make virtual environments: install uv, or as root: apt-get install $package"
    fi
}

# Two `make` at once in one tree take turns.
take_turns() {
    mkdir -p .make
    if command -v flock >/dev/null; then
        exec 9> .make/lock
        flock 9
    fi
}

# Tells whether a Python made this environment. Links and environments made with the same Python count as that Python.
made_with() {
    local base='import os, sys; print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))'
    [ "$("$1/bin/python" -c "$base")" = "$("$2" -c "$base")" ]
}

install() {
    local python found
    if [ .make/uv -nt requirements/uv.txt ] && [ .make/uv -nt devtools/uv.sh ]; then
        return  # another make was faster
    fi
    found=$(command -v uv || true)
    if [ -z "$found" ]; then
        python=$(find_python)
        ensure_venv "$python"
        say "installing uv with $python"
        rm -rf .make/uv-env
        "$python" -m venv .make/uv-env
        .make/uv-env/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
            --only-binary :all: -r requirements/uv.txt
        found=$PWD/.make/uv-env/bin/uv
    fi
    # Not a link: make would look at the age of what it points to.
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$found" > .make/uv
    chmod +x .make/uv
}

sync() {
    local venv=$1 lock=$2 python
    if [ -n "${PYTHON:-}" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
        python=$(find_python)
        if ! { "$venv/bin/python" -c '' 2>/dev/null && made_with "$venv" "$python"; }; then
            say "$venv: a new environment of $("$python" --version)"
            .make/uv venv --quiet --clear --no-project --python "$python" "$venv"
        fi
    fi
    say "$venv: installing $lock (the first time, this takes a minute or more)"
    # Wheels only: nothing is compiled, and no package's build script runs.
    .make/uv pip install --python "$venv/bin/python" --quiet --require-hashes --only-binary :all: \
        --compile-bytecode -r "$lock"
    .make/uv pip install --python "$venv/bin/python" --quiet --no-deps --no-build-isolation --editable .
}

take_turns
"$@"
