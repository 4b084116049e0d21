#!/bin/sh
# pytest-xdist 3.8.0 keeps no group together under pytest 9.2.0 with `--dist loadgroup`, and says nothing.
# Under pytest 9.0.2 it runs the tests of a group in one process.
set -eu

. "$(dirname "$0")/environment.sh"
cat > "$dir/test_groups.py" <<'PY'
import os
import pathlib

import pytest


@pytest.mark.parametrize("number", range(20))
@pytest.mark.xdist_group("together")
def test_in_one_process(number):
    with open(pathlib.Path(os.environ["SEEN"]), "a") as seen:
        seen.write(f"{os.environ['PYTEST_XDIST_WORKER']}\n")
PY

processes() { # of the 20 tests of one group, under the pytest of $1
    install "$1" "pytest==$1" pytest-xdist==3.8.0
    (cd "$dir" && SEEN="$dir/seen-$1" "$dir/$1/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup test_groups.py) > "$dir/log-$1" 2>&1
    sort "$dir/seen-$1" | uniq -c > "$dir/count-$1"
    echo "pytest $1, pytest-xdist 3.8.0: 20 tests of one group ran in $(wc -l < "$dir/count-$1") process(es); $(tail -n 1 "$dir/log-$1")"
}

processes 9.0.2
processes 9.2.0
test "$(wc -l < "$dir/count-9.0.2")" -eq 1
test "$(wc -l < "$dir/count-9.2.0")" -gt 1
