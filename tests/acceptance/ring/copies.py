"""A DAG that a test may delete."""

from __future__ import annotations

import uuid

from devtools.worlds.api_world import World


def copy_dag(world: World, dag_id: str, name: str) -> None:
    """A DAG of another name, with one run and one task instance."""
    with world.database() as database:
        for table, where, changes in (
            ("dag", "dag_id = ?", {}),
            ("dag_run", "dag_id = ? AND run_id = 'run-1'", {"id": None}),
            (
                "task_instance",
                "dag_id = ? AND run_id = 'run-1' AND task_id = 'load'",
                {"id": uuid.uuid4().hex, "state": "success"},
            ),
        ):
            found = database.execute(f"SELECT * FROM {table} WHERE {where}", (dag_id,))  # noqa: S608 - the texts above
            names = [column[0] for column in found.description]
            row = {**dict(zip(names, found.fetchone(), strict=True)), "dag_id": name, **changes}
            marks = ", ".join("?" * len(row))
            statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - the database's own names
            database.execute(statement, tuple(row.values()))
