from __future__ import annotations

import textwrap

import pytest

from devtools.docstrings import faults
from devtools.prose import MOST_WORDS

LONG = "This says " + "many " * (MOST_WORDS - 3) + "words."  # as long as a sentence may be
RIGHT = f'''
    def pull(key: str) -> int:
        """Pull `key`; see `push`.

        {LONG} {LONG}

        | a cell | `one word of code`, {LONG.replace("many ", "", 1)} |

        Args:
            key: A name, of one line
                or of two.
            keys (list of names): {LONG}

        Returns:
            bytes of it

        Raises:
            ValueError, TypeError: It is none.
        """
    '''


def complaints(source: str) -> list[str]:
    return [complaint for _, complaint in faults(textwrap.dedent(source))]


def test_a_docstring_in_our_style_is_left_alone() -> None:
    assert complaints(RIGHT) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("`key`", "``key``", "code stands in single backticks"),
        ("`push`", ":func:`push`", "code stands in single backticks"),
        ("key: A name", "key: a name", "a capital letter begins this entry: 'key: a name, of one line or of two.'"),
        ("or of two.", "or of two", "a full stop ends this entry: 'key: A name, of one line or of two'"),
        ("It is none.", "it is none.", "a capital letter begins this entry: 'ValueError, TypeError: it is none.'"),
        (f"{LONG} This says", f"{LONG} This often says", f"26 words: {LONG.replace('says', 'often says')[:80]!r}"),
        ("names): This says", "names): This often says", f"26 words: {LONG.replace('says', 'often says')[:80]!r}"),
        (
            "cell | `one word",
            "cell | so `one word",
            f"26 words: {LONG.replace('This says many', 'so Code, This says')[:80]!r}",
        ),
    ],
)
def test_what_is_written_otherwise_is_named(right: str, wrong: str, complaint: str) -> None:
    assert right in RIGHT
    assert complaints(RIGHT.replace(right, wrong)) == [complaint]
