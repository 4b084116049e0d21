"""What Airflow's providers manager shows of this package: name, and section `exclusive_redis_xcom`."""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.settings import OPTIONS, SECTION


def get_provider_info() -> dict[str, Any]:
    """Entry point `apache_airflow_provider`; the shape is Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "exclusive-redis-xcom",
        "name": "Exclusive Redis XCom",
        "description": "XCom values in Redis, each key pulled only by its declared consumers.",
        "config": {
            SECTION: {
                "description": "XCom values in Redis with access control lists.",
                "options": {
                    option.name: {
                        "description": option.description,
                        "version_added": "0.1.0",
                        "type": option.kind,
                        "example": option.example,
                        "default": option.default,
                        "sensitive": option.sensitive,
                    }
                    for option in OPTIONS
                },
            }
        },
    }
