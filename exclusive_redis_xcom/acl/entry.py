"""One entry of an `xcom_acl`: its names, its rule, and the errors that refuse it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from exclusive_redis_xcom.acl.limits import MAX_CONSUMERS, MAX_ID_LENGTH, MAX_TTL_SECONDS
from exclusive_redis_xcom.acl.rule import POLICY_WORDS, STRICTER_WORDS, Rule
from exclusive_redis_xcom.acl.source import Source
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.first_line import fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.first_line import Shorten

#: The fields of a rule object.
FIELDS = ("consumers", "ttl_seconds", "same_run", "once")
#: The fields of the rule object for `"*"`, the DAG's policy.
POLICY_FIELDS = (*FIELDS, "report_consumers")

_WORDS = ", ".join(f"'{word}'" for word in POLICY_WORDS)

#: So much of a wrong value stands on a first line.
_BRIEF = 40

#: Longer numbers are not repeated in a message.
_MOST_DIGITS = 20


class Where:
    """A place in an `xcom_acl`, for errors."""

    def __init__(self, dag_id: str, names: tuple[object, ...] = ()) -> None:
        self.dag_id = dag_id
        self._names = names

    @property
    def path(self) -> str:
        """The place as Python would write it, as in "xcom_acl['extract']['token']"."""
        return "".join(("xcom_acl", *(f"[{quote(name)}]" for name in self._names)))

    def at(self, name: object) -> Where:
        """Return the place one name deeper."""
        return Where(self.dag_id, (*self._names, name))

    def fail(self, decision: str, *further: str, fault: str = InvalidAcl.fault) -> NoReturn:
        """Raise InvalidAcl for what is written at this place: what is wrong, and lines with the remedy.

        The whole ids follow at the end where the first line had no room for them.
        """
        whole = f"DAG '{self.dag_id}', {self.path}"
        first = fitted(lambda short: f"{self._shown(short)}: {decision}")
        error = InvalidAcl(
            "\n".join((first, *filter(None, further), *(() if first.startswith(whole) else (f"{whole}.",))))
        )
        error.fault, error.names = fault, tuple(name for name in self._names if isinstance(name, str))
        raise error

    def _shown(self, short: Shorten) -> str:
        names = (quote(short(name) if isinstance(name, str) else name) for name in self._names)
        return "".join((f"DAG '{short(self.dag_id)}', xcom_acl", *(f"[{name}]" for name in names)))


def quote(text: object) -> str:
    """Quote a text for a message, with a bounded length. For anything but text, only the type is named."""
    if not isinstance(text, str):
        return f"<{type(text).__name__}>"
    shown = repr(text)
    return shown if len(shown) <= 2 * MAX_ID_LENGTH else f"{shown[:MAX_ID_LENGTH]}..."


def shown(value: object) -> str:
    """Show a wrong value in a message: a text in quotes, a number, True, False or None; for anything else, the type."""
    if isinstance(value, str):
        return quote(value)
    short = value is None or (isinstance(value, (int, float)) and abs(value) < 10**_MOST_DIGITS)
    return repr(value) if short else f"a value of type {type(value).__name__}"


def not_a_flag(name: str, value: object) -> str:
    """Word what is wrong with a flag that is neither True nor False."""
    return f"{name} must be True or False, not {_brief(value)}."


def _brief(value: object) -> str:
    """Show a wrong value on a first line: as `shown`, but of a long text only the beginning."""
    text = shown(value)
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}..."


def _did_you_mean(name: object, known: Sequence[str]) -> str:
    """Return a question that ends with a space; "" if no known name resembles the name."""
    import difflib

    if not isinstance(name, str) or not name:
        return ""
    begun = [whole for whole in known if whole.startswith(f"{name.lower()}_")]  # "ttl" for "ttl_seconds"
    close = begun or difflib.get_close_matches(name.lower(), known, n=1)
    return f"Did you mean '{close[0]}'? " if close else ""


def check_name(name: Any, what: str, max_length: int, where: Where) -> None:
    """Refuse a name that can be neither an id nor a pattern of ids."""
    if not isinstance(name, str):
        where.fail(f"the {what} must be text, not {type(name).__name__:.40}.")
    if not name:
        where.fail(f"the {what} is empty.", "Write a name, or '*' for any.")
    if len(name) > max_length:
        where.fail(f"the {what} has {len(name)} characters.", f"At most {max_length} are possible.")
    if "**" in name:
        where.fail(f"the {what} has '**'.", "It means the same as '*'. Write '*'.")
    try:
        name.encode()
    except UnicodeEncodeError:
        where.fail(f"the {what} is not valid Unicode.", "It holds half of a surrogate pair.")


class RuleParser:
    """Reads the right side of one entry."""

    def __init__(self, where: Where) -> None:
        self._where = where

    def rule(self, producer: str | None, key: str, value: Any) -> Rule:
        """Read the rule for this producer (None: any task) and key. Raises InvalidAcl."""
        is_policy = producer is None and key == "*"
        fields = self._fields(value, POLICY_FIELDS if is_policy else FIELDS)
        consumers = self._consumers(fields["consumers"])
        return Rule(
            producer=producer,
            key=key,
            consumers=consumers,
            source=str(Source(self._where.path, consumers if isinstance(consumers, str) else None)),
            ttl=self._ttl(fields),
            same_run=self._flag(fields, "same_run"),
            once=self._flag(fields, "once"),
            restricted=not is_policy,
            report_consumers=self._stricter(fields),
        )

    def _fields(self, value: Any, accepted: Sequence[str]) -> dict[Any, Any]:
        if not isinstance(value, dict):
            return {"consumers": value}
        for field in value:
            if field not in accepted:
                known = ", ".join(f"'{name}'" for name in accepted)
                self._where.fail(
                    f"a rule has no field {_brief(field)}.",
                    f"{_did_you_mean(field, accepted)}The fields are {known}.",
                    "Only the rule object of '*' may have report_consumers." if field in POLICY_FIELDS else "",
                )
        if "consumers" not in value:
            self._where.fail("the rule names no consumers.", "Add 'consumers': ['consumer_task'], or a policy word.")
        return value

    def _consumers(self, value: Any) -> tuple[str, ...] | str:
        if isinstance(value, str):
            if value not in POLICY_WORDS:
                guess, task = _did_you_mean(value, POLICY_WORDS), f"Write a task in a list: [{quote(value)}]."
                words = f"The policy words are {_WORDS}."
                self._where.fail(
                    f"{_brief(value)} is not a policy word.",
                    f"{guess}{words} {task}" if guess else f"{task} {words}",
                    fault="unknown-word",
                )
            return value
        if not isinstance(value, (list, tuple)):
            self._where.fail(
                f"the consumers {_of_type(value)}.",
                f"Write a list of task ids, or one of {_WORDS}. An empty list means nobody.",
            )
        if len(value) > MAX_CONSUMERS:
            self._where.fail(f"it has more than {MAX_CONSUMERS} consumers.", "Use patterns.")
        return tuple(dict.fromkeys(self._consumer(consumer) for consumer in value))

    def _consumer(self, value: Any) -> str:
        if not isinstance(value, str):
            self._where.fail(
                f"a consumer must be text, not {type(value).__name__:.40}.", "Write 'task_id' or 'dag_id/task_id'."
            )
        dag_id, slash, task_id = value.partition("/")
        if "/" in task_id:
            self._where.fail(
                "a consumer has more than one '/'.", f"It is {quote(value)}. Write 'task_id' or 'dag_id/task_id'."
            )
        if slash:
            check_name(dag_id, "consumer's DAG id", MAX_ID_LENGTH, self._where)
        check_name(task_id if slash else value, "consumer's task id", MAX_ID_LENGTH, self._where)
        return task_id if slash and dag_id == self._where.dag_id else value

    def _ttl(self, fields: dict[Any, Any]) -> timedelta | None:
        seconds = fields.get("ttl_seconds")
        if "ttl_seconds" not in fields:
            return None
        if type(seconds) is not int or not 0 < seconds <= MAX_TTL_SECONDS:
            self._refuse_seconds(seconds)
        return timedelta(seconds=seconds)

    def _refuse_seconds(self, seconds: object) -> NoReturn:
        remedy = f"Write a whole number from 1 to {MAX_TTL_SECONDS}"
        if isinstance(seconds, float) and seconds.is_integer() and 0 < seconds <= MAX_TTL_SECONDS:
            self._where.fail(f"ttl_seconds is {seconds}.", f"Write a whole number of seconds: {int(seconds)}.")
        if not isinstance(seconds, str):
            self._where.fail(f"ttl_seconds is {_brief(seconds)}.", f"{remedy}.")
        from exclusive_redis_xcom.acl.durations import seconds_meant

        meant = seconds_meant(seconds)
        if meant and meant <= MAX_TTL_SECONDS:
            remedy = f"Write a whole number of seconds without quotes: {meant}"
        else:
            remedy += ", without quotes"
        self._where.fail(f"ttl_seconds is {_brief(seconds)}.", f"{remedy}.")

    def _stricter(self, fields: dict[Any, Any]) -> str | None:
        word = fields.get("report_consumers")
        if "report_consumers" in fields and word not in STRICTER_WORDS:
            known = ", ".join(f"'{name}'" for name in STRICTER_WORDS)
            self._where.fail(f"report_consumers is {_brief(word)}.", f"The words are {known}.")
        return word

    def _flag(self, fields: dict[Any, Any], name: str) -> bool:
        flag = fields.get(name, False)
        if not isinstance(flag, bool):
            self._where.fail(not_a_flag(name, flag))
        return flag


def _of_type(value: object) -> str:
    return "are None" if value is None else f"have the type {type(value).__name__}"
