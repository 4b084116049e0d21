# The scripts next to this file read it with `.`: it shows nothing by itself.
# `$here` is this folder. `$dir` is a temporary folder, which goes when the script ends.
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

install() { # install NAME PACKAGE...: make the virtual environment $dir/NAME, and install pinned packages into it
    "${PYTHON:-python3}" -m venv "$dir/$1"
    (python="$dir/$1/bin/python" && shift && "$python" -m pip install --quiet --disable-pip-version-check "$@")
}
