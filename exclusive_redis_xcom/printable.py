"""Text that anybody may have written, for logs, errors and terminals."""

from __future__ import annotations


def one_line(text: str, most: int) -> str:
    """At most ``most`` characters on one line, and "..." where there were more.

    What is not printable becomes "?": control characters, and what turns or hides text on a screen.
    """
    shown = "".join(character if character.isprintable() else "?" for character in text[:most])
    return shown if len(text) <= most else f"{shown}..."
