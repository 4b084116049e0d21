"""The assertion that nobody may read more than a recorded file says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import snapshot_files, snapshot_lines
from exclusive_redis_xcom.access.diff import compare
from exclusive_redis_xcom.testing.access import effective_access

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import Change
    from exclusive_redis_xcom.testing.access import Dags

#: With this variable set to 1, the recorded file is written anew.
UPDATE = "EXCLUSIVE_XCOM_UPDATE"
_MOST_LISTED = 20
_MOST_NAMES = 10


def assert_no_new_access(
    dags: Dags, recorded: Path | str, *, update: bool | None = None, default_consumers: str | None = None
) -> None:
    """Fail if somebody may read more than a recorded file says, or if that cannot be known.

    A longer ttl, and `same_run` or `once` that is dropped, count as more. Access that was revoked passes.

    Args:
        dags: A DAG, several DAGs, or a DAG file or folder.
        recorded: The file, as `exclusive-xcom snapshot` writes it: JSON for a file `*.json`, else text.
        update: Whether to write the file instead. None means: if the variable `EXCLUSIVE_XCOM_UPDATE` is 1.
        default_consumers: The policy word for XComs without a rule. None takes the setting.

    Raises:
        AssertionError: There is more access, or there is no such file.
        UndecidedError: The file or the DAGs cannot be read.
    """
    __tracebackhide__ = True
    file, now = Path(recorded), effective_access(dags, default_consumers=default_consumers).snapshot()
    if is_update_asked() if update is None else update:
        text = snapshot_files.as_json(now) if file.suffix == ".json" else snapshot_lines.dumps(now)
        file.write_text(text, encoding="utf-8")
        return
    if not file.exists():
        raise AssertionError(f"There is no recorded access in {file.name}.\n{_remedy(file)}")
    gains = [change for change in compare(snapshot_files.read(file), now).changes if change.may_be_gain]
    if gains:
        more = len(gains) - _MOST_LISTED
        lines = [line for change in gains[:_MOST_LISTED] for line in _lines(change)]
        lines += [f"  and {more} more changes"] if more > 0 else []
        raise AssertionError(
            "\n".join([f"Somebody may read more than {file.name} says.", *lines, f"If that is meant: {_remedy(file)}"])
        )


def is_update_asked() -> bool:
    """Tell whether the environment asks to write recorded files anew."""
    return os.environ.get(UPDATE) == "1"


def _remedy(file: Path) -> str:
    return f"Run the tests once with {UPDATE}=1, review {file} and commit it."


def _lines(change: Change) -> list[str]:
    xcoms = _listed([f"{xcom.dag_id}/{xcom.task_id}:{xcom.key}" for xcom in change.xcoms])
    readers = _listed(
        [f"{each.name} except {_listed(each.without)}" if each.without else each.name for each in change.readers]
    )
    perhaps = "" if change.is_gain else "perhaps "
    what = f"{readers} may {perhaps}read {xcoms}" if readers else xcoms
    why = [*change.why, *([] if change.rule is None else [f"the rule is {change.rule}"])]
    return [f"  + {what}", *(f"    {each}" for each in why)]


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
