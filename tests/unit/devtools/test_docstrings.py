from __future__ import annotations

import textwrap

import pytest

from devtools.docstrings import faults

RIGHT = '''
    def pull(key: str) -> int:
        """Pull `key`; see `push`.

        Args:
            key: A name, of one line
                or of two.

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
    ],
)
def test_what_is_written_otherwise_is_named(right: str, wrong: str, complaint: str) -> None:
    assert right in RIGHT
    assert complaints(RIGHT.replace(right, wrong)) == [complaint]
