"""Your own mosquitto for the bridge: roles of users, the configuration files, and checks that the broker enforces them.

Owns the broker's configuration directory (configuration, ACL, passwords, list of users). A production broker is started
and stopped by its service; this package only reloads it. The command is `wa broker`.
"""

from bridge.ops.mosquitto.acl_check import (
    AclFinding,
    check_on_scratch_broker,
    check_running_broker,
    connect_refusal,
    wait_until_accepted,
)
from bridge.ops.mosquitto.changes import BrokerChanges, apply_changes
from bridge.ops.mosquitto.configuration import Listeners, Tls
from bridge.ops.mosquitto.directory import BrokerDirectory, BrokerSetup, NotSetUp
from bridge.ops.mosquitto.roles import Role, User
from bridge.ops.mosquitto.running_broker import NotReloaded, reload_broker

__all__ = [
    "AclFinding",
    "BrokerChanges",
    "BrokerDirectory",
    "BrokerSetup",
    "Listeners",
    "NotReloaded",
    "NotSetUp",
    "Role",
    "Tls",
    "User",
    "apply_changes",
    "check_on_scratch_broker",
    "check_running_broker",
    "connect_refusal",
    "reload_broker",
    "wait_until_accepted",
]
