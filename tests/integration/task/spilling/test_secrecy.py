"""An object holds what Redis would hold: ciphertext, where values are encrypted or sealed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devtools.worlds.rows import Rows
from exclusive_redis_xcom import CorruptValue, XComAccessDenied
from exclusive_redis_xcom.crypto import generate_encryption_key, generate_seal_keys
from tests.integration.task.played_ring import PUBLIC_TEXT, ring
from tests.integration.task.sales import CANARY, pull, push
from tests.integration.task.spilling.objects import LARGE, the_object


def test_encryption_at_rest_covers_the_object(dag: Any, root: Path, configure: Callable[..., None]) -> None:
    configure(encryption_keys=generate_encryption_key())
    push(dag, LARGE)

    assert CANARY.encode() not in the_object(root).read_bytes()
    assert pull(dag) == LARGE


def test_a_changed_ciphertext_does_not_open(dag: Any, root: Path, configure: Callable[..., None]) -> None:
    configure(encryption_keys=generate_encryption_key())
    push(dag, LARGE)
    path = the_object(root)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

    with pytest.raises(CorruptValue):
        pull(dag)


def test_sealing_covers_the_object(dag: Any, root: Path, rows: Rows, configure: Callable[..., None]) -> None:
    configure(enforcement="server", seal_public_key=PUBLIC_TEXT)
    rows.answer = ring
    push(dag, LARGE)

    assert CANARY.encode() not in the_object(root).read_bytes()
    assert pull(dag) == LARGE
    with pytest.raises(XComAccessDenied):
        pull(dag, "report")


def test_a_sealed_value_that_nobody_opens_stays_shut(dag: Any, root: Path, configure: Callable[..., None]) -> None:
    configure(enforcement="server", seal_public_key=generate_seal_keys()[0])
    push(dag, LARGE)
    the_object(root).unlink()

    with pytest.raises(XComAccessDenied):  # the rule decides before the loss is noticed
        pull(dag)
