"""Values of the table that fare worse than with Airflow's default backend, and why that is intended.

Each is named by its name and its place. A value that is listed here and does not fare worse fails the test, too.
"""

from __future__ import annotations

from typing import Final

DIFFERENCES: Final[dict[tuple[str, str], str]] = {
    ("dataclass with an InitVar", "in a dataclass"): (
        "Nested dataclasses keep their class here, and this one needs an argument that no field holds. "
        "The default backend makes dicts of nested dataclasses. It refuses such an object anywhere else."
    ),
    ("deltalake table", "in a dataclass"): (
        "The default backend makes an empty dict of it. "
        "It refuses a table anywhere else, unless Airflow has a Fernet key."
    ),
    ("lazy proxy of text", "in a dataclass"): (
        "The default backend copies what a dataclass holds, which replaces the proxy by its text. "
        "It refuses such a proxy anywhere else."
    ),
}
