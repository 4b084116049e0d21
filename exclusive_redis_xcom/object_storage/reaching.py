"""Find the driver that Airflow has for a URL, and tell what an error may say about either."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from exclusive_redis_xcom.errors import ConfigurationError

#: Which package of Airflow brings a scheme. The driver is a dependency of the package, or is the extra named here.
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "s3a": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "gcs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
    "adl": "apache-airflow-providers-microsoft-azure",
}
_LOCAL = ("file", "local")

_WHERE = "The environment variable is AIRFLOW__EXCLUSIVE_REDIS_XCOM__SPILL_PATH."


def reach(url: str) -> tuple[Any, str]:
    """Return the fsspec file system, and the path on it without a slash at its end.

    Raises:
        ConfigurationError: Nothing that is installed knows the scheme, or a local path is not absolute.
        Exception: Airflow's connections or the driver failed.
    """
    parts = urlsplit(url)
    scheme = parts.scheme
    if scheme in _LOCAL and (parts.netloc or not parts.path.strip("/")):
        raise ConfigurationError(
            f"[exclusive_redis_xcom] spill_path: {scheme}:// takes an absolute path.\n"
            f"Write three slashes, as in {scheme}:///var/lib/xcoms. {_WHERE}"
        )
    try:
        from airflow.sdk import ObjectStoragePath

        path = ObjectStoragePath(url)
        return path.fs, str(path.path).rstrip("/")
    except ImportError:
        raise _not_installed(scheme) from None
    except ValueError:
        if _is_known(scheme):
            raise
        raise _not_installed(scheme) from None


def endpoint_of(url: str) -> str:
    """Return the place for an error message: without anything before an `@` or after a `?`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def reason_of(error: Exception) -> str:
    """Return the type of an error. For an error of the operating system, add its description, which names no place."""
    name = type(error).__name__
    told = os.strerror(error.errno) if isinstance(error, OSError) and isinstance(error.errno, int) else ""
    return f"{name} ({told})" if told else name


def _is_known(scheme: str) -> bool:
    from airflow.sdk.io.fs import has_fs

    return bool(has_fs(scheme))


def _not_installed(scheme: str) -> ConfigurationError:
    package = _PACKAGES.get(scheme)
    remedy = f"Install {package}" if package else "Install the Airflow provider that brings it"
    return ConfigurationError(
        f"[exclusive_redis_xcom] spill_path: Airflow does not know '{scheme}://' here.\n"
        f"{remedy}, or name another object storage. {_WHERE}"
    )
