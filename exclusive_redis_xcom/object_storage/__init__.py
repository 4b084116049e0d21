"""Object storage: the place that the setting `spill_path` names, reached as Airflow's `ObjectStoragePath` reaches it.

Neither Airflow nor fsspec is imported before the first use. Objects are written once and never changed.
"""

from __future__ import annotations

from exclusive_redis_xcom.object_storage.storage import Listed, NoSuchObject, ObjectStorage

__all__ = ["Listed", "NoSuchObject", "ObjectStorage"]
