from __future__ import annotations

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.connection import Address, RedisOptions, Tls
from exclusive_redis_xcom.connection.airflow_connection import options_from_fields
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.errors import ConfigurationError

SECRET = "canary-p4ss"
HOSTILE = st.text(st.sampled_from(":/?#@&= %,[]*"), max_size=6)


def from_connection(**fields: Any) -> RedisOptions:
    given_fields = {"host": "h", "port": None, "login": None, "password": None, "extra": {}} | fields
    return options_from_fields(**given_fields)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://", RedisOptions()),
        ("redis://h", RedisOptions(addresses=(Address("h", 6379),))),
        ("REDIS://h:7/2", RedisOptions(addresses=(Address("h", 7),), db=2)),
        ("redis://h:7?db=2", RedisOptions(addresses=(Address("h", 7),), db=2)),
        ("redis://[::1]:7", RedisOptions(addresses=(Address("::1", 7),))),
        ("redis://:p%40%2F%3A@h", RedisOptions(addresses=(Address("h", 6379),), password="p@/:")),
        ("redis://u%3A:p:q@h", RedisOptions(addresses=(Address("h", 6379),), username="u:", password="p:q")),
        ("redis://u:p@q@h", RedisOptions(addresses=(Address("h", 6379),), username="u", password="p@q")),
        ("rediss://h", RedisOptions(addresses=(Address("h", 6379),), tls=Tls())),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_ca_certs=/c%20a&ssl_certfile=/c&ssl_keyfile=/k&ssl_check_hostname=false",
            RedisOptions(addresses=(Address("h", 6379),), tls=Tls("none", "/c a", "/c", "/k", check_hostname=False)),
        ),
        ("unix:///run/r.sock", RedisOptions(addresses=(), path="/run/r.sock")),
        (
            "unix://u:p@/run/r%20.sock?db=3",
            RedisOptions(addresses=(), path="/run/r .sock", db=3, username="u", password="p"),
        ),
        (
            "redis+sentinel://u:p@a:1,b/my%20master/4?sentinel_username=su&sentinel_password=s%26p",
            RedisOptions(
                kind="sentinel",
                addresses=(Address("a", 1), Address("b", 26379)),
                db=4,
                username="u",
                password="p",
                master="my master",
                sentinel_username="su",
                sentinel_password="s&p",
            ),
        ),
        (
            "rediss+sentinel://a/m",
            RedisOptions(kind="sentinel", addresses=(Address("a", 26379),), master="m", tls=Tls(), sentinel_tls=True),
        ),
        (
            "rediss+sentinel://a/m?sentinel_ssl=no",
            RedisOptions(kind="sentinel", addresses=(Address("a", 26379),), master="m", tls=Tls()),
        ),
        (
            "redis+cluster://u:p@a:1,b",
            RedisOptions(kind="cluster", addresses=(Address("a", 1), Address("b", 6379)), username="u", password="p"),
        ),
        ("rediss+cluster://a/0", RedisOptions(kind="cluster", addresses=(Address("a", 6379),), tls=Tls())),
    ],
)
def test_a_url_is_read(url: str, options: RedisOptions) -> None:
    assert options_from_url(url) == options


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "^The Redis URL must begin with one of redis://, rediss://, "),
        ("http://h", "rediss://"),
        ("h:6379", "redis://"),
        ("redis+sentinels://h", r"Did you mean redis\+sentinel://\?$"),
        ("redis://a,b", "names several hosts. For several hosts, use redis\\+cluster://"),
        ("redis://h:0", "1 to 65535"),
        ("redis://h:65536", "1 to 65535"),
        ("redis://h:six", "1 to 65535"),
        ("redis://h/zero", "the database must be a number, 0 or more"),
        ("redis://h/-1", "the database must be a number, 0 or more"),
        ("redis://h/1?db=1", "twice"),
        ("redis://h?ssl_cert_reqs=none", r"needs a scheme with TLS \(rediss\.\.\.://\) for ssl_cert_reqs"),
        ("rediss://h?ssl_cert_reqs=maybe", "required, optional, none"),
        ("rediss://h?ssl_check_hostname=perhaps", "true or false"),
        ("redis://h?socket_timeout=3", "Accepted are db, ssl_cert_reqs"),
        ("redis://h?db=1&db=2", "unknown or repeated query parameter, number 2"),
        ("redis://h?sentinel_password=x", "Accepted are"),
        ("unix://host/path", "unix:///path"),
        ("unix://", "unix:///path"),
        ("redis+sentinel://a,b", "names no master"),
        ("redis+sentinel://a,b//0", "names no master"),
        ("redis+cluster://a/1", "only database 0"),
        ("redis+cluster://a,,b", "entry 2"),
        ("redis://[::1", "brackets"),
    ],
)
def test_a_wrong_url_is_refused_with_what_is_accepted(url: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        options_from_url(url)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "rdis", "redis:"])
@given(before=HOSTILE, after=HOSTILE, rest=st.sampled_from(["h", "h:6379/0", "a,b/m/0", "/run/x", "h:port", "h/x?y=1"]))
def test_no_error_about_a_url_shows_its_password(scheme: str, before: str, after: str, rest: str) -> None:
    url = f"{scheme}://user:{before}{SECRET}{after}@{rest}"

    try:
        options = options_from_url(url)
    except ConfigurationError as error:
        shown = "".join(traceback.format_exception(error)) + repr(error)
    else:
        shown = repr(options) + options.endpoint

    assert SECRET not in shown


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"host": None}, RedisOptions()),
        ({"host": "", "port": 7}, RedisOptions(addresses=(Address("localhost", 7),))),
        ({"host": "::1", "port": 7}, RedisOptions(addresses=(Address("::1", 7),))),
        ({"extra": {"db": 2}}, RedisOptions(addresses=(Address("h", 6379),), db=2)),
        ({"extra": {"db": "2"}}, RedisOptions(addresses=(Address("h", 6379),), db=2)),
        ({"extra": {"db": None, "anything": 1}}, RedisOptions(addresses=(Address("h", 6379),))),
        ({"login": "u", "password": "p"}, RedisOptions(addresses=(Address("h", 6379),), username="u", password="p")),
        ({"login": "", "password": ""}, RedisOptions(addresses=(Address("h", 6379),))),
        ({"password": "None"}, RedisOptions(addresses=(Address("h", 6379),))),
        ({"extra": {"ssl": False}}, RedisOptions(addresses=(Address("h", 6379),))),
        ({"extra": {"ssl": "true"}}, RedisOptions(addresses=(Address("h", 6379),), tls=Tls())),
        (
            {
                "extra": {
                    "ssl": True,
                    "ssl_cert_reqs": "optional",
                    "ssl_ca_certs": "/a",
                    "ssl_keyfile": "/k",
                    "ssl_certfile": "/c",
                    "ssl_check_hostname": False,
                }
            },
            RedisOptions(addresses=(Address("h", 6379),), tls=Tls("optional", "/a", "/c", "/k", check_hostname=False)),
        ),
        (
            {"port": 7, "extra": {"cluster": True, "startup_nodes": "h:7, b:8,c"}},
            RedisOptions(kind="cluster", addresses=(Address("h", 7), Address("b", 8), Address("c", 6379))),
        ),
        (
            {"host": None, "extra": {"cluster": "true", "startup_nodes": "b", "db": 0}},
            RedisOptions(kind="cluster", addresses=(Address("b", 6379),)),
        ),
        (
            {
                "password": "p",
                "extra": {
                    "ssl": True,
                    "sentinels": "a:1,b",
                    "sentinel_master": "m",
                    "sentinel_username": "su",
                    "sentinel_password": "sp",
                    "db": 1,
                },
            },
            RedisOptions(
                kind="sentinel",
                addresses=(Address("a", 1), Address("b", 26379)),
                db=1,
                password="p",
                tls=Tls(),
                master="m",
                sentinel_username="su",
                sentinel_password="sp",
                sentinel_tls=True,
            ),
        ),
    ],
)
def test_an_airflow_connection_is_read(fields: dict[str, Any], options: RedisOptions) -> None:
    assert from_connection(**fields) == options


@pytest.mark.parametrize(
    ("fields", "db"),
    [
        ({"schema": "3"}, 3),
        ({"schema": "0"}, 0),
        ({"schema": "", "extra": {"db": 2}}, 2),
        ({"schema": None, "extra": {"db": 2}}, 2),
        ({"schema": "3", "extra": {"db": "3"}}, 3),
        ({"schema": "3", "extra": {"db": None}}, 3),
        ({"schema": "3", "extra": {"db": ""}}, 3),
        ({"schema": "3", "extra": {"sentinels": "a", "sentinel_master": "m"}}, 3),
        ({"schema": "0", "extra": {"cluster": True}}, 0),
    ],
)
def test_the_path_of_an_airflow_connection_is_its_database(fields: dict[str, Any], db: int) -> None:
    assert from_connection(**fields).db == db


@pytest.mark.parametrize("in_extra", [2, "2", 0, "0"])
def test_two_databases_in_one_airflow_connection_are_refused(in_extra: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        from_connection(schema="3", extra={"db": in_extra})

    assert str(caught.value) == (
        "The Redis connection names two databases.\n"
        f"The path (schema) names 3, and extra 'db' names {in_extra}. Leave one of them out."
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"schema": "mydb"}, r"The path \(schema\) of the Redis connection: the database must be a number, 0 or more"),
        ({"schema": "-1"}, "must be a number"),
        ({"schema": "1", "extra": {"cluster": True}}, "only database 0"),
        ({"host": "user:pw@h"}, "host of the Redis connection"),
        ({"host": "redis://h"}, "host of the Redis connection"),
        ({"port": 0}, "1 to 65535"),
        ({"extra": {"db": "x"}}, "'db'"),
        ({"extra": {"db": -1}}, "'db'"),
        ({"extra": {"db": True}}, "'db'"),
        ({"extra": {"cluster": True, "db": 1}}, "only database 0"),
        ({"extra": {"cluster": "perhaps"}}, "'cluster'.*true or false"),
        ({"extra": {"cluster": True, "startup_nodes": ["a"]}}, "host:port,host:port"),
        ({"extra": {"cluster": True, "startup_nodes": "a:1,b:x"}}, "'startup_nodes'.*entry 2"),
        ({"extra": {"ssl": 7}}, "'ssl'.*true or false"),
        ({"extra": {"ssl": True, "ssl_cert_reqs": "require"}}, "required, optional, none"),
        ({"extra": {"ssl": True, "ssl_ca_certs": 1}}, "'ssl_ca_certs'"),
        ({"extra": {"ssl_ca_cert": "/x"}}, "'ssl_ca_cert'.*ssl_ca_certs"),
        ({"extra": {"sentinels": "a"}}, "sentinel_master"),
        ({"extra": {"sentinel_master": "m"}}, "needs sentinels"),
        ({"extra": {"sentinels": "a", "sentinel_master": "m", "cluster": True}}, "exclude"),
        ({"extra": {"sentinel_hosts": "a"}}, "'sentinel_hosts'.*sentinels"),
        ({"extra": {"sentinels": f"u:{SECRET}@a:1", "sentinel_master": "m"}}, "entry 1"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text) as caught:
        from_connection(**fields, password=SECRET)

    assert SECRET not in str(caught.value)


def test_repr_and_endpoint_show_no_password() -> None:
    options = options_from_url(f"redis+sentinel://u:{SECRET}@a:1,b/m?sentinel_password={SECRET}")

    assert SECRET not in repr(options)
    assert options.endpoint == "master 'm' of the Sentinels a:1, b:26379"
