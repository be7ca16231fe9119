"""Every role on a real mosquitto, checked by delivery against a handwritten table.

mosquitto grants a denied SUBSCRIBE and acknowledges a denied PUBLISH, so that only what arrives is evidence.
"""

from __future__ import annotations

import pytest

from bridge.contract.errors import InvalidRequest
from bridge.contract.topics import Topics
from bridge.ops.mosquitto import AclFinding, BrokerDirectory, BrokerSetup, Role, User, check_on_scratch_broker
from bridge.ops.mosquitto.acl import acl_text
from bridge.ops.mosquitto.acl_check import probed_topics
from bridge.ops.mosquitto.configuration import configuration_text
from bridge.ops.mosquitto.directory import SHIPPED as TEMPLATE
from bridge.ops.mosquitto.roles import matches
from tests.mosquitto_server import SHIPPED
from tests.parts import require_binary

# r: may read, w: may publish. `me` is the user's own reply level. Anything not listed is denied.
OUT, DIGITS = "out", "out/5491155500001"
MATRIX: dict[Role, dict[str, str]] = {
    Role.RESPONDER: {
        "in": "r",
        "event": "r",
        "result": "r",
        "ack": "r",
        "status": "r",
        OUT: "w",
        "typing": "w",
        "transcript": "w",
        "replay": "w",
        "replay/me": "r",
        "reply/me": "r",
    },
    Role.CAMPAIGNS: {
        "in": "r",
        "result": "r",
        "ack": "r",
        "status": "r",
        OUT: "w",
        "request": "w",
        "replay": "w",
        "replay/me": "r",
        "reply/me": "r",
        "campaign": "w",
        "campaign/check": "w",
        "campaign/check/event": "w",
    },
    Role.READER: {
        "in": "r",
        "event": "r",
        "ack": "r",
        "status": "r",
        "transcript": "r",
        "replay": "w",
        "replay/me": "r",
    },
    Role.SENDER: {
        OUT: "w",
        DIGITS: "w",
        "typing": "w",
        "result": "r",
        "ack": "r",
        "status": "r",
        "reply/me": "r",
    },
    Role.REQUESTER: {"request": "w", "response": "r", "status": "r", "reply/me": "r"},
    Role.PANEL: {"status": "r", "qr": "r"},
    Role.HOME_ASSISTANT: {
        "in": "r",
        "event": "r",
        "result": "r",
        "ack": "r",
        "status": "r",
        "qr": "r",
        "qr/png": "r",
        OUT: "w",
        DIGITS: "w",
        "typing": "w",
        "control": "w",
    },
    Role.ADMIN: {
        "in": "r",
        "event": "r",
        "result": "r",
        "ack": "r",
        "status": "r",
        "qr": "r",
        "qr/png": "r",
        "passkey": "r",
        "lease": "r",
        "transcript": "r",
        "campaign": "r",
        "campaign/check": "r",
        "campaign/check/event": "r",
        OUT: "rw",
        DIGITS: "rw",
        "replay": "rw",
        "control": "rw",
        "typing": "rw",
        "request": "rw",
        "response": "r",
        "replay/me": "r",
        "reply/me": "r",
        "replay/other": "r",
        "reply/other": "r",
    },
}
ELSEWHERE: dict[Role, dict[str, str]] = {
    Role.RESPONDER: {
        "wa/bridge/check/status": "r",
        "wa/responder/51/config": "rw",
        "wa/responder/51/config/set": "r",
        "wa/responder/check/event": "w",
    },
    Role.CAMPAIGNS: {"wa/bridge/check/status": "r"},
    Role.READER: {"wa/bridge/check/status": "r"},
    Role.SENDER: {"wa/bridge/check/status": "r"},
    Role.REQUESTER: {"wa/bridge/check/status": "r"},
    Role.PANEL: {"wa/bridge/check/status": "r", "wa/responder/51/config": "r", "wa/responder/check/event": "r"},
    Role.HOME_ASSISTANT: {
        "wa/bridge/check/status": "r",
        "homeassistant/status": "rw",
        "homeassistant/device/wa_check/config": "r",
    },
    Role.ADMIN: {
        "wa/bridge/check/status": "r",
        "wa/responder/51/config": "r",
        "wa/responder/51/config/set": "rw",
        "wa/responder/check/event": "r",
    },
}


def expected(role: Role, user: str, sessions: list[str]) -> set[tuple[str, str]]:
    """(action, topic) of everything that must be allowed."""
    grants = dict(ELSEWHERE[role])
    for session in sessions:
        grants |= {f"wa/{session}/{tail.replace('/me', f'/{user}')}": how for tail, how in MATRIX[role].items()}
    return {("read" if letter == "r" else "write", topic) for topic, how in grants.items() for letter in how}


def found(findings: list[AclFinding], user: str) -> set[tuple[str, str]]:
    return {(finding.action, finding.topic) for finding in findings if finding.user == user and finding.found}


async def test_each_role_for_all_sessions_can_do_exactly_what_it_may(directory: BrokerDirectory) -> None:
    require_binary("mosquitto", "mosquitto")
    for role in Role:
        directory.put_user(User(f"a-{role}", frozenset({role})), "not secret here")
    findings = await check_on_scratch_broker(directory)
    for role in MATRIX:
        assert found(findings, f"a-{role}") == expected(role, f"a-{role}", ["check", "check-not"]), role
    own = {
        topic
        for topic in probed_topics(BrokerSetup(), User("a-bridge", frozenset({Role.BRIDGE})))
        if topic[:3] == "wa/"
    }
    discovery = {("write", "homeassistant/device/wa_check/config"), ("read", "homeassistant/status")}
    right = {(action, topic) for topic in own for action in ("read", "write")} | discovery
    assert found(findings, "a-bridge") == right


async def test_each_role_for_one_session_has_no_access_to_others(directory: BrokerDirectory) -> None:
    require_binary("mosquitto", "mosquitto")
    for role in (Role.READER, Role.SENDER, Role.ADMIN):
        directory.put_user(User(f"one-{role}", frozenset({role}), "haby"), "not secret here")
    findings = await check_on_scratch_broker(directory)
    for role in (Role.READER, Role.SENDER, Role.ADMIN):
        right = {
            (action, topic)
            for action, topic in expected(role, f"one-{role}", ["haby"])
            if not topic.startswith("wa/responder/")  # the switches of every client
        }
        assert found(findings, f"one-{role}") == right, role


async def test_a_user_with_two_roles_has_both_and_no_more(directory: BrokerDirectory) -> None:
    require_binary("mosquitto", "mosquitto")
    directory.put_user(User("flow", frozenset({Role.READER, Role.SENDER}), "haby"), "not secret here")
    both = expected(Role.READER, "flow", ["haby"]) | expected(Role.SENDER, "flow", ["haby"])
    assert found(await check_on_scratch_broker(directory), "flow") == both


async def test_a_missing_or_additional_permission_in_the_acl_is_found(directory: BrokerDirectory) -> None:
    require_binary("mosquitto", "mosquitto")
    directory.put_user(User("dash", frozenset({Role.READER}), "haby"), "not secret here")
    text = directory.acl.read_text()
    assert "topic read wa/haby/ack\n" in text
    directory.acl.write_text(text.replace("topic read wa/haby/ack\n", "topic write wa/haby/control\n"))
    wrong = {str(finding) for finding in await check_on_scratch_broker(directory) if not finding.is_expected}
    assert wrong == {"dash cannot read wa/haby/ack", "dash can publish to wa/haby/control"}


def test_the_shipped_files_equal_the_generated_ones() -> None:
    users = [User(role.value, frozenset({role})) for role in Role]
    assert (SHIPPED / "acl").read_text() == acl_text(users, Topics())
    shipped = (SHIPPED / "mosquitto.conf").read_text()
    assert TEMPLATE.read_text() == shipped
    setup = BrokerSetup()
    assert (
        configuration_text(shipped, directory=SHIPPED.__class__("/etc/mosquitto"), listeners=setup.listeners) == shipped
    )


@pytest.mark.parametrize(
    ("name", "roles", "session", "error"),
    [
        ("a/b", {Role.READER}, None, "user name"),
        ("é", {Role.READER}, None, "user name"),
        ("dash", set(), None, "no role"),
        ("dash", {Role.READER}, "bridge", "reserved"),
        ("dash", {Role.READER}, "a+b", "session name"),
        ("dash", {Role.RESPONDER}, "haby", "for all sessions"),
    ],
)
def test_users_that_the_acl_cannot_express_are_refused(
    name: str, roles: set[Role], session: str | None, error: str
) -> None:
    with pytest.raises(InvalidRequest, match=error):
        User(name, frozenset(roles), session)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "is_match"),
    [
        ("wa/+/in", "wa/haby/in", True),
        ("wa/+/in", "wa/haby/in/x", False),
        ("wa/+/in", "wa/in", False),
        ("wa/#", "wa", True),
        ("wa/#", "wa/haby/in", True),
        ("wa/haby", "wa/haby/", False),
        ("wa/+", "wa/", True),
    ],
)
def test_filters_match_as_in_mqtt(topic_filter: str, topic: str, is_match: bool) -> None:
    assert matches(topic_filter, topic) is is_match


async def test_no_user_can_take_over_the_connection_of_another(directory: BrokerDirectory) -> None:
    directory.put_user(User("flow", frozenset({Role.PANEL})), "a password of a panel")
    findings = [one for one in await check_on_scratch_broker(directory) if one.action == "take over"]
    assert {one.user: one.found for one in findings} == dict.fromkeys(directory.load().users, False)


async def test_a_client_id_that_can_be_guessed_is_found(
    directory: BrokerDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.broker.client.secret_client_id", lambda name, _: name)
    directory.put_user(User("flow", frozenset({Role.PANEL})), "a password of a panel")
    wrong = {str(finding) for finding in await check_on_scratch_broker(directory) if not finding.is_expected}
    assert "flow can take over wa-bridge-check" in wrong
