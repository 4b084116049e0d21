"""What a page says of tasks whose DAGs the user may not read: how many there are."""

from __future__ import annotations


def hidden(tasks: int, patterns: int = 0) -> str:
    """Say that so many tasks, and so many patterns of tasks, stay hidden."""
    parts = [
        *([f"{tasks} task{'' if tasks == 1 else 's'}"] if tasks else []),
        *([f"{patterns} pattern{'' if patterns == 1 else 's'} of tasks"] if patterns else []),
    ]
    of = "of a DAG" if (tasks, patterns) == (1, 0) else "of DAGs"
    return f"{' and '.join(parts)} {of} that you may not see"
