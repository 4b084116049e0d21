#!/bin/sh
# polars 2.1.0 makes a frame of dicts by the first 100 of them. In later ones, it cuts the fraction off numbers (1.9 becomes 1),
# also off numbers in texts, and drops new keys, and says nothing. `strict` is True. Only a text that is no number is an error.
set -eu

. "$(dirname "$0")/environment.sh"
install venv polars==2.1.0
"$dir/venv/bin/python" - <<'PY'
import sys

import polars as pl

print("polars", pl.__version__)


def last(rows):
    try:
        return pl.from_dicts(rows).to_dicts()[-1]
    except pl.exceptions.ComputeError as error:
        return f"ComputeError: {str(error).partition(';')[0]}"


seen = {}
for before in (99, 100):
    for row in ({"price": 1.9}, {"price": -1.9}, {"price": 1, "discount": 5}, {"price": "1.9"}, {"price": "much"}):
        seen[before, str(row)] = last([{"price": 1}] * before + [row])
        print(f"{row} after {before} rows of {{'price': 1}}: {seen[before, str(row)]}")
by_class = pl.DataFrame([{"price": 1}] * 100 + [{"price": 1.9}])["price"][-1]
whole = pl.from_dicts([{"price": 1}] * 100 + [{"price": 1.9}], infer_schema_length=None)["price"][-1]
print(f"DataFrame(rows): {by_class}; from_dicts(rows, infer_schema_length=None): {whole}")
late = [answer for (before, _), answer in seen.items() if before == 100]
early = [answer for (before, _), answer in seen.items() if before == 99][:3]
as_found = early == [{"price": 1.9}, {"price": -1.9}, {"price": 1, "discount": 5}] and (by_class, whole) == (1, 1.9)
as_found &= late[:4] == [{"price": 1}, {"price": -1}, {"price": 1}, {"price": 1}] and "ComputeError" in late[4]
sys.exit(0 if as_found else 1)
PY
