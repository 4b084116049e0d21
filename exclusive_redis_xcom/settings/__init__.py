"""Section `exclusive_redis_xcom` of Airflow's configuration is declared, read and checked in this one place.

`OPTIONS` is the single table of options. `airflow/provider_info.py` shows it to Airflow. So `airflow config list` knows
the options, and `_CMD` and `_SECRET` work for sensitive ones. `load_settings` reads by the same table. Options are read
at first use, never at import.
"""

from __future__ import annotations

from exclusive_redis_xcom.settings.in_use import is_in_use
from exclusive_redis_xcom.settings.loading import Settings, load_settings
from exclusive_redis_xcom.settings.options import LARGEST_VALUE_BYTES, OPTIONS, Option
from exclusive_redis_xcom.settings.sources import SECTION

__all__ = ["LARGEST_VALUE_BYTES", "OPTIONS", "SECTION", "Option", "Settings", "is_in_use", "load_settings"]
