"""From a URL to the driver that Airflow has for it; and what may be said of either in an error."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from exclusive_redis_xcom.errors import ConfigurationError

#: Which package of Airflow brings a scheme; the driver is a dependency of it, or this extra.
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


def reach(url: str) -> tuple[Any, str]:
    """The fsspec file system, and the path on it without a slash at its end.

    Raises:
        ConfigurationError: Nothing that is installed knows the scheme; or a local path begins wherever the process is.
        Exception: Whatever Airflow's connections and the driver raise.
    """
    parts = urlsplit(url)
    scheme = parts.scheme
    if scheme in _LOCAL and (parts.netloc or not parts.path.strip("/")):
        raise ConfigurationError(
            f"[exclusive_redis_xcom] spill_path: {scheme}:// takes an absolute path, as in {scheme}:///var/lib/xcoms."
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
    """The place in words fit for an error message: nothing that stands before an `@` or after a `?`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def reason_of(error: Exception) -> str:
    """The kind of an error; of the operating system's, also its own words for it, which name no place."""
    name = type(error).__name__
    told = os.strerror(error.errno) if isinstance(error, OSError) and isinstance(error.errno, int) else ""
    return f"{name} ({told})" if told else name


def _is_known(scheme: str) -> bool:
    from airflow.sdk.io.fs import has_fs

    return bool(has_fs(scheme))


def _not_installed(scheme: str) -> ConfigurationError:
    package = _PACKAGES.get(scheme)
    remedy = f"install {package}" if package else "install the Airflow provider that brings it"
    return ConfigurationError(
        f"[exclusive_redis_xcom] spill_path: Airflow has no object storage for '{scheme}://' here; {remedy}."
    )
