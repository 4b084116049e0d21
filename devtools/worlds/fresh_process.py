"""Let this process forget what it has read, so that it begins as a new task process does."""

from __future__ import annotations


def forget_signing_keys() -> None:
    """Let Airflow's auth manager read its keys anew. It keeps who signs tokens, and who checks them."""
    from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager

    for kept in (BaseAuthManager._get_token_signer, BaseAuthManager._get_token_validator):
        kept.__func__.cache_clear()


def start_afresh() -> None:
    """Forget the settings, the connection to Redis and the running task."""
    from exclusive_redis_xcom.process import identity
    from exclusive_redis_xcom.settings import load_settings
    from exclusive_redis_xcom.task import encryption
    from exclusive_redis_xcom.task.access import current_access

    if current_access.cache_info().currsize:
        # A client that is forgotten before it is closed leaves open sockets. The garbage collector warns of them.
        current_access().store._client.drop()
    load_settings.cache_clear()
    current_access.cache_clear()
    identity.forget()
    encryption.forget()
