"""What Airflow's providers manager shows of this package: its name and the section `exclusive_redis_xcom`."""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.settings import OPTIONS, SECTION


def get_provider_info() -> dict[str, Any]:
    """Describe this package (entry point `apache_airflow_provider`), in the shape of `provider_info.schema.json`."""
    return {
        "package-name": "exclusive-redis-xcom",
        "name": "Exclusive Redis XCom",
        "description": "XCom values in Redis: only the declared consumers of a key can pull it.",
        "cli": ["exclusive_redis_xcom.cli.airflow_commands.commands"],  # from Airflow 3.2 on
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
