"""The table of checks. `exclusive-xcom rule` prints it, and docs/reference/lint.md has it, too."""

from __future__ import annotations

from typing import Final

from exclusive_redis_xcom.access.finding import Check

_WRONG_RULES = (
    Check(
        "EX101",
        "unknown-task",
        "error",
        "A rule names a task that does not exist.",
        "Airflow refuses the DAG with an import error. If the task is one of another DAG, the rule gives access to "
        "nobody, until somebody makes such a task.",
        "Correct the id. A task in a group has the group's id before its own, as in 'group.task'. For a task of "
        "another DAG, write 'dag_id/task_id'.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": ["laod"]}}})',
    ),
    Check(
        "EX102",
        "upstream-consumer",
        "error",
        "A consumer runs before every task whose XComs the rule is about.",
        "It could never read the value in the same run. Airflow refuses the DAG, unless a pattern names the consumer.",
        "Remove the consumer from the rule, or reverse the dependency.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": ["prepare"]}}})\nprepare() >> extract()',
    ),
    Check(
        "EX103",
        "unknown-word",
        "error",
        "A text in place of the consumers is no policy word, or a list holds a policy word.",
        "Airflow refuses the DAG. A text alone is always a policy word, and a list holds tasks.",
        "Write a task in a list, as in ['load'], and a policy word without one.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": "load"}}})',
    ),
    Check(
        "EX104",
        "task-as-key",
        "error",
        "A rule has a task's id in the place of an XCom key.",
        "Such a rule is about the XComs of that key, of any task. It would not protect what the task pushes. Airflow "
        "refuses the DAG. If a pattern of keys also matches tasks, it only warns.",
        "Write {'task': {'return_value': ['consumer']}} for what the task returns, or {'task': {'*': ['consumer']}} "
        "for all its keys.",
        'DAG("etl", params={"xcom_acl": {"extract": ["load"]}})',
    ),
    Check(
        "EX105",
        "rule-twice",
        "error",
        "Two rules are written for one XCom.",
        "Python keeps only the last entry of a dict that has a name twice, and says nothing. So the first rule is "
        "gone. If exclusive() finds a second rule, that is an import error.",
        "Write one rule, with all consumers.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": ["load"], "token": ["audit"]}}})',
    ),
    Check(
        "EX106",
        "unrelated-consumer",
        "warning",
        "A consumer is not downstream of the producer.",
        "It may run before the value is pushed. Then it gets nothing, or the value of an earlier try.",
        "Set the dependency, as in extract >> load.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": ["report"]}}})\nextract()\nreport()',
    ),
    Check(
        "EX107",
        "no-match",
        "warning",
        "A pattern matches nothing.",
        "A rule gives access to nobody, or is about no task. A task that is made later may match by chance. A pattern "
        "of producers that matches no task is an import error.",
        "Correct the pattern, or remove it.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": ["repotr_*"]}}})',
    ),
    Check(
        "EX108",
        "invalid-acl",
        "error",
        "The access list of a DAG is not well-formed.",
        "Airflow refuses the DAG with an import error.",
        "Do what the message says. It names the entry, and what may stand there.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": {"consumers": ["load"], "ttl": 60}}}})',
    ),
)

_WIDE_RULES = (
    Check(
        "EX111",
        "anyone",
        "warning",
        "A rule lets tasks of all DAGs read.",
        "Every DAG of the installation may read the value: those of other teams, and those that are written later.",
        "Name the DAGs that need it, as in 'reports/*'.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": "anyone"}}})',
    ),
    Check(
        "EX112",
        "once-for-many",
        "warning",
        "A value that is read once has several consumers.",
        "Only the first task instance that pulls the value gets it. All others fail with XComAlreadyClaimed. If the "
        "consumers are named one by one, that may be what the author wants, and the finding is only a note.",
        "Name one consumer, or leave out 'once'.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": {"consumers": ["*"], "once": True}}}})',
    ),
    Check(
        "EX113",
        "unknown-dag",
        "warning",
        "A rule names a DAG that is not among the DAGs of the folder.",
        "The rule gives access to nobody, until somebody makes a DAG with this name. Where lint gets single files, the "
        "DAG may be elsewhere, and the finding is only a note.",
        "Correct the id, or remove the consumer. If the DAG is in another bundle, add a comment that ignores the "
        "finding.",
        'DAG("etl", params={"xcom_acl": {"extract": {"token": ["reprots/daily"]}}})',
    ),
    Check(
        "EX114",
        "secret-without-rule",
        "warning",
        "A key is named like a secret, and no rule is about it.",
        "The default policy decides who reads it. That is often every task of the DAG.",
        "Declare who reads it, with exclusive() or in xcom_acl. If it is no secret, give the key another name.",
        'ti.xcom_push(key="api_token", value=fetch())',
    ),
)

_PULLS = (
    Check(
        "EX121",
        "restricted-argument",
        "note",
        "A task takes a restricted value as an argument or in a template.",
        "Airflow stores arguments and templates as rendered fields, and shows them in its UI. Strings and numbers of a "
        "restricted value are masked there, but not those under 5 characters. The finding is a warning if the key is "
        "named like a secret.",
        "Pull the value inside the task, with ti.xcom_pull(...).",
        "token = extract()\nexclusive(token, to=load(token))",
    ),
    Check(
        "EX122",
        "pull-not-allowed",
        "error",
        "A task pulls an XCom that no rule lets it read.",
        "The pull raises XComAccessDenied when the task runs.",
        "Add the task to the consumers of the rule, or remove the pull.",
        'ti.xcom_pull(task_ids="extract", key="token")  # in a task that is no consumer',
    ),
    Check(
        "EX123",
        "pull-of-unknown-task",
        "warning",
        "A task pulls from a task that its DAG does not have.",
        "Airflow's xcom_pull returns None then, and raises nothing.",
        "Correct the task id. A task in a group has the group's id before its own.",
        'ti.xcom_pull(task_ids="exrtact")',
    ),
)

_FILES = (
    Check(
        "EX190",
        "file-not-loaded",
        "error",
        "A DAG file cannot be loaded.",
        "Its DAGs are not checked, and other DAGs may depend on them. So lint ends with status 2.",
        "Do what the message says, or exclude the file in .airflowignore.",
    ),
)

#: All checks by their codes.
CHECKS: Final = {check.code: check for check in (*_WRONG_RULES, *_WIDE_RULES, *_PULLS, *_FILES)}
