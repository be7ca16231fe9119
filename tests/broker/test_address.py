"""Broker URLs: accepted forms, refusals and their sentences; no password is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bridge.broker import BadAddress, BrokerAddress, parse_addresses


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://host", BrokerAddress("mqtt", "host", 1883)),
        ("mqtts://host", BrokerAddress("mqtts", "host", 8883)),
        ("ws://host", BrokerAddress("ws", "host", 80, path="/mqtt")),
        ("wss://host/", BrokerAddress("wss", "host", 443, path="/mqtt")),
        ("wss://host:8084/a/b", BrokerAddress("wss", "host", 8084, path="/a/b")),
        (" mqtt://host:1/ ", BrokerAddress("mqtt", "host", 1)),
        ("MQTT://Host", BrokerAddress("mqtt", "host", 1883)),
        ("mqtt://ana@host", BrokerAddress("mqtt", "host", 1883, username="ana")),
        ("mqtt://[::1]:1884", BrokerAddress("mqtt", "::1", 1884)),
        (
            "mqtt://a%40b:p%2C%3A%2F%20%25@[fe80::1]",
            BrokerAddress("mqtt", "fe80::1", 1883, username="a@b", password=SecretStr("p,:/ %")),
        ),
        ("mqtt://ana:@host", BrokerAddress("mqtt", "host", 1883, username="ana", password=SecretStr(""))),
    ],
)
def test_an_address_is_parsed(url: str, expected: BrokerAddress) -> None:
    assert BrokerAddress.parse(url) == expected


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "not a broker address"),
        ("host:1883", "not a broker address"),
        ("http://host", "unknown scheme 'http'"),
        ("mqtt://", "has no host"),
        ("mqtt://:1883", "has no host"),
        ("mqtt://ho st", "has no host"),
        ("mqtt://host:0", "no usable port"),
        ("mqtt://host:65536", "no usable port"),
        ("mqtt://host:abc", "no usable port"),
        ("mqtt://host/wa", "has a path"),
        ("mqtt://host?x=1", "contains ? or #"),
        ("mqtt://:hunter2@host", "no user"),
        ("mqtt://[::1", "has no host"),
    ],
)
def test_a_bad_address_is_refused_with_the_reason(url: str, word: str) -> None:
    with pytest.raises(BadAddress, match=word.replace("?", r"\?")):
        BrokerAddress.parse(url)


@pytest.mark.parametrize(
    "url",
    ["mqtt://ana:hunter2@host:x", "htp://ana:hunter2@host", "mqtt://ana:hunter2#@host", "mqtt://ana:a@hunter2@h/x"],
)
def test_a_refusal_does_not_contain_the_password(url: str) -> None:
    with pytest.raises(BadAddress) as refused:
        BrokerAddress.parse(url)
    assert "hunter2" not in str(refused.value)


def test_the_masked_address_and_the_repr_hide_the_password() -> None:
    address = BrokerAddress.parse("mqtt://ana:hunter2@host")
    assert address.masked == "mqtt://ana:***@host:1883"
    assert "hunter2" not in repr(address)


def test_a_list_is_parsed_in_order() -> None:
    first, second = parse_addresses("mqtt://one, mqtts://two:1 ,")
    assert (first.host, second.host, second.port) == ("one", "two", 1)


def test_a_comma_in_a_password_does_not_split_the_list() -> None:
    first, second = parse_addresses("mqtt://ana:hun,ter2@one,mqtt://two")
    assert (first.credentials, first.host, second.host) == (("ana", "hun,ter2"), "one", "two")


@pytest.mark.parametrize("text", ["", " , ", "mqtt://one,two", "mqtt://one,,mqtt://two"])
def test_a_bad_list_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_addresses(text)


@pytest.mark.parametrize("password", ["hun/ter", "12/ter", "hun[ter", "hun]ter", "hun://ter"])
def test_a_password_that_has_to_be_encoded_is_named(password: str) -> None:
    """As a generator of passwords makes them: the port or the path was blamed."""
    with pytest.raises(BadAddress, match="write / as %2F") as refused:
        BrokerAddress.parse(f"mqtt://ana:{password}@host:1883")
    assert "hun" not in str(refused.value)


@given(
    username=st.text(min_size=1).filter(lambda text: text.isprintable()),
    password=st.text().filter(lambda text: text.isprintable()),
    host=st.sampled_from(["host", "::1", "10.0.0.1"]),
    port=st.integers(1, 65535),
)
def test_a_revealed_url_parses_back(username: str, password: str, host: str, port: int) -> None:
    address = BrokerAddress("mqtt", host, port, username=username, password=SecretStr(password))
    assert BrokerAddress.parse(address.reveal()) == address
