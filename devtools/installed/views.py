"""Checks what Airflow's own commands show of this package: providers, configuration, plugins, info.

`make test-install` runs this file with the Python of each environment. It needs no `devtools`. Commands run in this one
process, through Airflow's own parser, because a process of its own for each would take minutes.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import sys
import tempfile
from typing import Any

DISTRIBUTION = "exclusive-redis-xcom"
SECTION = "exclusive_redis_xcom"
#: Secrets that no command may show, unless it is asked for the option by name.
SECRETS = {
    "redis_url": "redis://worker:canary-password@localhost:6379/0",
    "seal_private_keys": "canary-private-key",
    "encryption_keys": "canary-encryption-key",
}
DESCRIPTION = "XCom values in Redis: only the declared consumers of a key can pull it"
PLUGIN = {
    "name": SECTION,
    "source": f"{DISTRIBUTION}==%s: EntryPoint(name='{SECTION}', "
    f"value='{SECTION}.airflow.plugin:ExclusiveRedisXComPlugin', group='airflow.plugins')",
    "listeners": [f"{SECTION}.airflow.listener"],
    "fastapi_apps": [
        {"name": SECTION, "app": f"{SECTION}.pages.mounted.Pages", "url_prefix": "/exclusive-xcom"},
    ],
    "fastapi_root_middlewares": [
        {"name": SECTION, "middleware": f"{SECTION}.api_server.ring.middleware.Ring"},
        {"name": f"{SECTION}_slices", "middleware": f"{SECTION}.api_server.slices.middleware.ShortSlices"},
        {"name": f"{SECTION}_watch", "middleware": f"{SECTION}.api_server.watch.middleware.Watch"},
        {"name": f"{SECTION}_deletions", "middleware": f"{SECTION}.api_server.deletions.middleware.Removals"},
    ],
    "external_views": [
        {
            "name": "XCom access",
            "destination": "dag",
            "url_route": "xcom-access",
            "href": "/exclusive-xcom/dags/{DAG_ID}",
        },
        {
            "name": "XComs",
            "destination": "dag_run",
            "url_route": "xcoms-of-run",
            "href": "/exclusive-xcom/dags/{DAG_ID}/runs/{RUN_ID}",
        },
        {
            "name": "XComs",
            "destination": "task_instance",
            "url_route": "xcoms",
            "href": "/exclusive-xcom/dags/{DAG_ID}/runs/{RUN_ID}/tasks/{TASK_ID}/{MAP_INDEX}",
        },
        {
            "name": "XCom overview",
            "destination": "nav",
            "url_route": "xcom-overview",
            "href": "/exclusive-xcom/overview",
            "category": "browse",
        },
    ],
}


def main() -> int:
    """Run the commands; print what is wrong, and return the exit code."""
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-views-") as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
        for option, secret in SECRETS.items():
            os.environ[f"AIRFLOW__{SECTION.upper()}__{option.upper()}"] = secret
        problems = [*providers(), *configuration(), *values(), *plugins(), *info()]
    for problem in problems:
        print(f"  wrong: {problem}")
    return 1 if problems else 0


def airflow(*arguments: str) -> str:
    """Run an `airflow` command; return its standard output."""
    from airflow.cli.cli_parser import get_parser

    asked = get_parser().parse_args(list(arguments))
    with contextlib.redirect_stdout(io.StringIO()) as output:
        asked.func(asked)
    return output.getvalue()


def differences(command: str, shown: object, expected: object) -> list[str]:
    """Return a complaint if a command shows anything else than what is expected."""
    if shown == expected:
        return []
    if isinstance(shown, list) and isinstance(expected, list) and len(shown) == len(expected):
        wrong = [pair for pair in zip(shown, expected, strict=True) if pair[0] != pair[1]]
        return [f"airflow {command} shows\n{one}\ninstead of\n{other}" for one, other in wrong]
    return [f"airflow {command} shows\n{shown}\ninstead of\n{expected}"]


def rows(*arguments: str) -> list[dict[str, Any]]:
    """Run a command that lists things, and return its rows."""
    shown: list[dict[str, Any]] = json.loads(airflow(*arguments, "--output", "json").strip().splitlines()[-1])
    return shown


def ours(*arguments: str, column: str) -> list[dict[str, Any]]:
    """Run a command that lists things, and return the rows of this package."""
    return [row for row in rows(*arguments) if row[column] in (DISTRIBUTION, SECTION)]


def providers() -> list[str]:
    """Check `airflow providers get` and `airflow providers list`."""
    version = importlib.metadata.version(DISTRIBUTION)
    listed = {"package_name": DISTRIBUTION, "description": DESCRIPTION, "version": version}
    got = rows("providers", "get", DISTRIBUTION)
    return [
        *differences("providers get", got, [{"Provider": DISTRIBUTION, "Version": version}]),
        *differences("providers list", ours("providers", "list", column="package_name"), [listed]),
    ]


def configuration() -> list[str]:
    """Check `airflow config list --section exclusive_redis_xcom`, without and with what describes the options."""
    command = ("config", "list", "--section", SECTION)
    described = (*command, "--include-descriptions", "--include-examples")
    return [
        *differences(" ".join(command), lines_of(airflow(*command)), section(with_texts=False)),
        *differences(" ".join(described), lines_of(airflow(*described)), section(with_texts=True)),
    ]


def lines_of(text: str) -> list[str]:
    """Return the lines without spaces at their ends, and without empty lines at the end."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


def section(*, with_texts: bool) -> list[str]:
    """Return the lines of the section as Airflow should list it. From 3.2 on, Airflow shows no values."""
    from airflow import __version__

    from exclusive_redis_xcom.settings import OPTIONS

    lines = [f"[{SECTION}]"]
    if with_texts:
        lines += ["# XCom values in Redis with access control lists.", ""]
    for option in OPTIONS:
        if with_texts:
            lines.append(f"# {option.description}")
            lines += ["#", f"# Example: {option.name} = {option.example}"] if option.example else []
        value = SECRETS.get(option.name, option.default)
        lines.append(f"{option.name} = {value}".rstrip() if __version__.startswith("3.1.") else f"# {option.name} =")
        lines += [""] if with_texts and option is not OPTIONS[-1] else []
    return lines


def values() -> list[str]:
    """Check `airflow config get-value`. It shows what it is asked for, secrets too."""
    expected = {"ttl_seconds": "604800", "redis_conn_id": "redis_default", "redis_url": SECRETS["redis_url"]}
    return [
        complaint
        for option, value in expected.items()
        for complaint in differences(
            f"config get-value {option}", airflow("config", "get-value", SECTION, option), f"{value}\n"
        )
    ]


def plugins() -> list[str]:
    """Check `airflow plugins`: everything of ours that is not empty."""
    found = [{name: value for name, value in row.items() if value} for row in ours("plugins", column="name")]
    version = importlib.metadata.version(DISTRIBUTION)
    return differences("plugins", found, [{**PLUGIN, "source": str(PLUGIN["source"]) % version}])


def info() -> list[str]:
    """Check `airflow info`: the provider is there, and no secret is."""
    shown = airflow("info")
    lines = [" | ".join(part.strip() for part in line.split("|")) for line in shown.splitlines()]
    expected = f"{DISTRIBUTION} | {importlib.metadata.version(DISTRIBUTION)}"
    missing = [] if expected in lines else [f"airflow info does not have the line {expected!r}"]
    return [*missing, *(f"airflow info shows {option}" for option, secret in SECRETS.items() if secret in shown)]


if __name__ == "__main__":
    sys.exit(main())
