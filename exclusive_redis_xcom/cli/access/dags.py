"""Which DAGs a question is about: the options `--dags`, `--serialized` and `--default-consumers`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import Access, airflow_home
from exclusive_redis_xcom.access.loading import TIMEOUT, load
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.acl import POLICY_WORDS
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.own_airflow import loading_airflow

if TYPE_CHECKING:
    import argparse


_FILES = "a DAG file, or a folder with DAG files"
#: Which DAG files are meant where none are named.
OWN: Final = "Airflow's own, [core] dags_folder"


def add_options(parser: argparse.ArgumentParser, *, files: str = f"{_FILES} (default: {OWN})") -> None:
    """Declare the options.

    Args:
        parser: The command's parser.
        files: What `--dags` names.
    """
    group = parser.add_argument_group("which DAGs")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--dags",
        type=Path,
        metavar="PATH",
        help=files,
    )
    where.add_argument(
        "--serialized",
        action="store_true",
        help="the DAGs of Airflow's database, as the DAG processor wrote them there; no DAG file runs",
    )
    group.add_argument(
        "--default-consumers",
        choices=POLICY_WORDS,
        metavar="WORD",
        help="the policy for XComs without a rule: " + ", ".join(POLICY_WORDS) + " (default: the setting)",
    )
    group.add_argument(
        "--timeout",
        type=units.seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"how long all DAG files together may take (default: {TIMEOUT:g})",
    )


def access_of(args: argparse.Namespace) -> Access:
    """Return the effective access of the DAGs that the options name.

    Raises:
        UndecidedError: They cannot be read, or one of the files failed.
        ConfigurationError: The setting `default_consumers` is wrong.
    """
    if args.dags is None:
        require_airflow()
    word = args.default_consumers or default_consumers()
    if args.serialized:
        return _access_of_database(word)
    return Access(load(args.dags or dags_folder(), default_consumers=word, timeout=args.timeout).require_all())


def default_consumers() -> str:
    """Return the setting `default_consumers`."""
    from exclusive_redis_xcom.settings.loading import option_now

    with loading_airflow():
        word: str = option_now("default_consumers")
    return word


def _access_of_database(word: str) -> Access:
    from exclusive_redis_xcom.access.database import facts_of_database

    with loading_airflow():
        return Access(facts_of_database(default_consumers=word))


def require_airflow(named_by: str = "--dags") -> None:
    """Refuse to make up an Airflow: its home folder has the configuration that says where its DAGs are.

    Args:
        named_by: How the command takes DAG files.

    Raises:
        UndecidedError: There is no such folder.
    """
    if not airflow_home.is_there():
        raise UndecidedError(
            f"There is no Airflow here: {airflow_home.home()} does not exist.\n"
            f"Name the DAG files with {named_by}, or set AIRFLOW_HOME."
        )


def dags_folder() -> Path:
    """Return Airflow's own DAG folder.

    Raises:
        UndecidedError: Airflow cannot be loaded.
    """
    with loading_airflow():
        from airflow.configuration import conf

        return Path(conf.get("core", "dags_folder"))
