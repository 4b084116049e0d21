from __future__ import annotations

from tests.unit.codec.conftest import allow, allowed

__all__ = ["allow", "allowed"]
