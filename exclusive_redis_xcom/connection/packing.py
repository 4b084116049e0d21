"""How commands become bytes: by Python code, also where hiredis is installed.

redis-py would take the packer of hiredis there. hiredis 3.5.0 crashed while it packed, and it copies large values. The
reader of hiredis is used: it has neither fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.connection import PythonRespSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.memory import Buffer

#: What comes before an argument of so many bytes, for the usual lengths.
_BEFORE = tuple(b"\r\n$%d\r\n" % length for length in range(128))


class Packer(PythonRespSerializer):
    """A packer that is faster than redis-py's, which joins all that it has so far for each argument.

    A pull of a thousand results has 3,000 arguments, and the script of a push has 26.

    https://redis.io/docs/latest/develop/reference/protocol-spec/#sending-commands-to-a-redis-server
    """

    def __init__(self, largest_copied: int, encode: Callable[[Any], bytes]) -> None:
        super().__init__(largest_copied, encode)
        self._largest_copied = largest_copied

    def pack(self, *args: Any) -> list[Any]:
        """Return a command's bytes in pieces."""
        packed = self.pack_all([args])
        return super().pack(*args) if packed is None else packed  # type: ignore[no-untyped-call]

    def pack_all(self, commands: Sequence[Sequence[Any]]) -> list[Buffer] | None:
        """Return the bytes of commands in pieces. Return None for what redis-py alone knows how to pack, or refuses."""
        texts = pack_texts(commands)
        return pack_plain(commands, self._largest_copied) if texts is None else [texts]


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


def pack_plain(commands: Sequence[Sequence[Any]], largest_copied: int) -> list[Buffer] | None:
    """Return the bytes of commands that hold nothing but texts, bytes, views of bytes and integers, or None.

    Args:
        commands: The commands.
        largest_copied: A longer argument is a piece of its own, without a copy.
    """
    packed: list[Buffer] = []
    pieces: list[Buffer] = []
    for command in commands:
        if type(command[0]) is not str or " " in command[0]:
            return None
        pieces.append(b"*%d" % len(command))
        for argument in command:
            cls = type(argument)
            if cls is str:
                data = argument.encode()
            elif cls is int:
                data = b"%d" % argument
            elif cls is bytes or (cls is memoryview and argument.contiguous and argument.nbytes == len(argument)):
                data = argument
            else:
                return None
            length = len(data)
            pieces.append(_BEFORE[length] if length < len(_BEFORE) else b"\r\n$%d\r\n" % length)
            if length > largest_copied:
                packed += (b"".join(pieces), data)
                pieces = []
            else:
                pieces.append(data)
        pieces.append(b"\r\n")
    packed.append(b"".join(pieces))
    return packed
