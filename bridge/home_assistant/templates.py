"""Templates that Home Assistant applies to the payloads of the contract. Pure.

`None` makes a sensor's value unknown. A status that the will published has no queue and no budget; what a message may
leave out has a default, since an undefined value is an error in Home Assistant's log for each message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from bridge.contract.session import SessionState

#: Seconds in which a notification is to be sent: one that waited longer is news no more.
_NOTIFY_TTL = 3600

ADVICE = "{{ {'reason': value_json.reason, 'advice': value_json.text, 'since': value_json.since} | tojson }}"
BUDGETS = "{{ (value_json.budget or {}) | tojson }}"
LINK_CODE = "{{ value_json.link_code if value_json is defined and value_json.link_code else None }}"
SENT = (
    "{% if value_json.status in ['sent', 'failed', 'unknown'] and value_json.action is not defined %}"
    "{{ {'event_type': value_json.status, 'id': value_json.id, 'to': value_json.to, 'chat': value_json.chat,"
    " 'message_id': value_json.message_id, 'code': (value_json.error or {}).code | default(none),"
    " 'text': (value_json.error or {}).text | default(none)} | tojson }}{% endif %}"
)


def status_figure(field: str) -> str:
    """A field of the status, for example `queue.out`; unknown where it or what holds it is missing."""
    steps = field.split(".")
    *holders, value = [f"value_json.{'.'.join(steps[: depth + 1])}" for depth in range(len(steps))]
    return f"{{{{ {value} if {' and '.join(holders)} else None }}}}" if holders else f"{{{{ {value} }}}}"


def available_unless(state: SessionState, *, is_not: bool) -> str:
    """Available in a state, or (`is_not`) in every other one."""
    comparison = "!=" if is_not else "=="
    return f"{{{{ 'online' if value_json.state {comparison} '{state}' else 'offline' }}}}"


def event_of_message(kinds: Iterable[str], other: str) -> str:
    """The event of a received message, with the fields that automations ask for."""
    known = json.dumps(list(kinds)).replace('"', "'")
    always = ("id", "chat", "author", "body", "late", "seq", "epoch", "timestamp")
    sometimes = ("person", "from_pn", "kind", "quoted", "media", "location")
    fields = [f"'{name}': value_json.{name}" for name in always]
    fields += [f"'{name}': value_json.{name} | default(none)" for name in sometimes]
    return (
        f"{{{{ {{'event_type': value_json.kind if value_json.kind | default('') in {known} else '{other}',"
        f" 'name': value_json.notify_name | default(none), {', '.join(fields)}}} | tojson }}}}"
    )


def notify_command(to: str) -> str:
    """The command of a notification; `value` is the text that the automation gives."""
    return f"{{{{ {{'to': '{to}', 'message': value, 'ttl': {_NOTIFY_TTL}}} | tojson }}}}"
