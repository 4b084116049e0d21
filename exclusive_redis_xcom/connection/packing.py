"""How commands become bytes: by Python code, also where hiredis is installed.

redis-py would take the packer of hiredis there. hiredis 3.5.0 crashed while it packed, and it copies large values. The
reader of hiredis is used: it has neither fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.connection import PythonRespSerializer

if TYPE_CHECKING:
    from collections.abc import Sequence


class Packer(PythonRespSerializer):
    """A packer that is faster than redis-py's if all arguments are text.

    redis-py looks at each argument by itself. A pull of a thousand results has 3,000 arguments.

    https://redis.io/docs/latest/develop/reference/protocol-spec/#sending-commands-to-a-redis-server
    """

    def pack(self, *args: Any) -> list[Any]:
        """Return a command's bytes in pieces."""
        packed = pack_texts([args])
        return super().pack(*args) if packed is None else [packed]  # type: ignore[no-untyped-call]


def pack_texts(commands: Sequence[Sequence[Any]]) -> bytes | None:
    """Return the bytes of commands that hold nothing but ASCII texts. Return None for all others."""
    pieces: list[str] = []
    for command in commands:
        if set(map(type, command)) != {str} or " " in command[0]:  # a command of two words
            return None
        pieces.append(f"*{len(command)}\r\n")
        pieces += [f"${len(argument)}\r\n{argument}\r\n" for argument in command]
    packed = "".join(pieces)
    return packed.encode() if packed.isascii() else None
