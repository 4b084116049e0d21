"""Run the command as `python -m exclusive_redis_xcom.cli`, where its script is not on PATH."""

from __future__ import annotations

import sys

from exclusive_redis_xcom.cli import main

sys.exit(main())
