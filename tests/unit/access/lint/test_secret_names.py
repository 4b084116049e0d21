"""Which keys are named like secrets."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.access.lint.secret_names import is_secret_name


@pytest.mark.parametrize(
    "key",
    [
        *(
            "token",
            "api_token",
            "apiToken",
            "API-TOKEN",
            "access.token",
            "token_v2",
            "token_value",
            "authToken",
            "tokenB64",
        ),
        *("access_tokens", "refresh_tokens", "oauth_token", "id_token"),
        *("password", "db_password", "DBPassword", "passwd", "pwd", "passphrase", "password_json", "passwords"),
        *("secret", "client_secret", "clientSecret", "secrets", "secret_1"),
        *(
            "api_key",
            "apiKey",
            "APIKey",
            "apikey",
            "private_key",
            "privateKey",
            "secret_key",
            "ssh_key",
            "private_key_pem",
        ),
        *("credential", "aws_credentials", "creds", "jwt"),
    ],
)
def test_a_secret_is_found(key: str) -> None:
    assert is_secret_name(key)


@pytest.mark.parametrize(
    "key",
    [
        *("return_value", "rows", "path", "", "_", "1", "???", "value", "json", "été"),
        *(
            "tokenize",
            "tokenizer",
            "tokenized_text",
            "tokens",
            "max_tokens",
            "tokens_count",
            "token_count",
            "tokenCount",
        ),
        *("next_token", "page_token", "continuation_token", "eos_token", "token_type", "token_url", "num_tokens"),
        *("password_policy", "password_length", "secret_name", "secretary", "secret_arn", "passwordless"),
        *("key", "keys", "primary_key", "foreign_key", "partition_key", "s3_key", "key_name", "monkey", "cache_key"),
        *("credential_type", "author", "pin_count", "passengers", "credit"),
    ],
)
def test_what_only_resembles_a_secret_is_none(key: str) -> None:
    assert not is_secret_name(key)
