from __future__ import annotations

import pytest

from devtools.prose import MOST_WORDS, faults

LONG = "A task reads " + "many " * (MOST_WORDS - 4) + "values."  # as long as a sentence may be
RIGHT = f"""\
# A heading of any form

A value stays in `Redis for a while`, and
[Airflow](page.md#never) gets a reference. {LONG}

- **Reading.** A pull asks Redis first.
- a row without a full stop
- `off`: none.

| Option | a cell, which needs no verb. |
|---|---|

```python
Never in code.
```
<!-- bench:table -->
Never among figures.
<!-- end -->
"""


def test_plain_sentences_are_left_alone() -> None:
    assert list(faults(RIGHT)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "complaint"),
    [
        ("many values.", "many more values.", 4, "26 words: "),
        ("a cell, which needs no verb.", LONG.replace("many", "many more", 1), 10, "26 words: "),
        ("A pull asks Redis first.", "A pull asks Redis first. Never the row.", 6, "no verb: 'Never the row.'"),
        ("first.", "first. Not for keys that Airflow reads.", 6, "no sentence of its own: 'Not for"),
        ("Never in code.\n```", "```\nNever in text.", 15, "no verb: 'Never in text."),
        ("<!-- end -->", "<!-- end -->\nOnly after figures.", 19, "no verb: 'Only after figures.'"),
    ],
)
def test_other_sentences_are_named_with_their_line(right: str, wrong: str, line: int, complaint: str) -> None:
    assert RIGHT.count(right) == 1
    found = list(faults(RIGHT.replace(right, wrong)))

    assert [number for number, _ in found] == [line]
    assert all(text.startswith(complaint) for _, text in found)


def test_code_is_one_word_and_ends_no_sentence() -> None:
    command = "`make test. And more of it, and more, and more`"

    assert list(faults(LONG.replace("many", command, 1))) == []
    assert len(list(faults(LONG.replace("many", f"{command} many", 1)))) == 1


def test_verbs_are_known_with_their_endings() -> None:
    assert list(faults("A task tries. It carried a value. It uses Redis. It passes. It stored one. It asked.")) == []
    assert len(list(faults("A large red value in Redis."))) == 1
