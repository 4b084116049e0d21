#!/bin/sh
# In SQLAlchemy 1.4.54, a column type with a variant for one database has no `python_type`, though its plain type has one.
# SQLAlchemy 2.0.52 answers `str` for both. Airflow 3.1's constraints pin the former, and its ids are of such a type.
set -eu

. "$(dirname "$0")/environment.sh"
cat > "$dir/ask.py" <<'PY'
import sqlalchemy
from sqlalchemy import String
from sqlalchemy.dialects import postgresql


def python_type(column_type):
    try:
        return column_type.python_type.__name__
    except NotImplementedError:
        return "NotImplementedError"


varied = String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
print(f"SQLAlchemy {sqlalchemy.__version__}: String {python_type(String(36))}, with a variant {python_type(varied)}")
PY

install old SQLAlchemy==1.4.54
install new SQLAlchemy==2.0.52
"$dir/old/bin/python" "$dir/ask.py" | tee "$dir/said-old"
"$dir/new/bin/python" "$dir/ask.py" | tee "$dir/said-new"
test "$(cat "$dir/said-old")" = "SQLAlchemy 1.4.54: String str, with a variant NotImplementedError"
test "$(cat "$dir/said-new")" = "SQLAlchemy 2.0.52: String str, with a variant str"
