"""Say what all checks of one run are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from exclusive_redis_xcom.settings import Settings

Role = Literal["worker", "api-server"]

#: Why a check that needs the settings is skipped without them.
NO_SETTINGS = "a setting is wrong or cannot be read; see the check 'settings'"
#: Why a check of `enforcement = server` is skipped where that is not set.
NO_SERVER_MODE = "not checked, because enforcement = worker"


@dataclass(frozen=True, slots=True)
class Visit:
    """One run of the doctor.

    `role` says what kind of process the doctor was started for. `settings` is None if they cannot be read. `urls`
    names API servers to ask instead of the configured ones. `admin_url` is a Redis URL whose user may run INFO.
    """

    role: Role
    settings: Settings | None
    urls: tuple[str, ...] = field(default=(), repr=False)
    admin_url: str | None = field(default=None, repr=False)

    @property
    def why_not_server_mode(self) -> str | None:
        """Why a check of `enforcement = server` is skipped; None where it is not."""
        if self.settings is None:
            return NO_SETTINGS
        return None if self.settings.by_server else NO_SERVER_MODE
