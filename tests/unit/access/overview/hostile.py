"""DAGs with ids and keys that try to be more than text. Airflow's own checks are not what is tested here."""

from __future__ import annotations

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule

#: Texts that are markup, quotes, escapes or formulas somewhere. A star would make a pattern of them.
TEXTS = (
    "<script>alert(1)</script>",
    '"]; x -> y [label="',
    "a\\",
    "\\N\\l",
    "&lt;b&gt;",
    "#quot;]] --> n1",
    "`code` ![x](y) @you __b__ | c",
    "{{ 7 + 7 }}{% raw %}",
    "'\"--><svg onload=alert(1)>",
    "1. item",
    "- item",
    "end",
    "\x1b[31mred\x07",
    "\u202ereversed",
    "line\nline\r\tx",
    "\ud800",
    "\uffff",
    "漢字キー",
    "]]>",
    "=1+1",
    "k" * 500,
)


def as_task(text: str) -> str:
    """A task's id. In a list of consumers, a slash ends the DAG's id."""
    return f"t{text.replace('/', '|')}"


def of_texts(texts: tuple[str, ...]) -> Access:
    """Each text is a key that one task may pull, a task that may, and a DAG that is not here."""
    rules = [
        Rule("a", text, (as_task(text), f"{as_task(text)}/*"), f"xcom_acl['a'][{text!r}] at f.py:1") for text in texts
    ]
    names = ["a", *map(as_task, texts)]
    acl = Acl("dag" + texts[0], tuple(rules), "same_dag")
    tasks = {name: TaskFacts(name, computes_keys=False, returns=name == "a") for name in names}
    return Access([DagFacts(acl, {}, {}, tasks)])
