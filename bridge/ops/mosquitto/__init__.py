"""A mosquitto of one's own for the bridge: who may do what, the files that say so to the broker, and the proof.

Owns the broker's configuration directory (configuration, ACL, passwords, list of users). Neither starts nor stops a
production broker, which is its service's: it is only told to read its files again. `wa broker` is the way in.
"""

from bridge.ops.mosquitto.acl_check import AclFinding, let_in, prove_live, refusal_of_running, rehearse
from bridge.ops.mosquitto.changes import BrokerChanges, changed
from bridge.ops.mosquitto.configuration import Listening, Tls
from bridge.ops.mosquitto.directory import BrokerDirectory, NotSetUp, Setup
from bridge.ops.mosquitto.roles import Role, User
from bridge.ops.mosquitto.running_broker import NotReloaded, reload_broker

__all__ = [
    "AclFinding",
    "BrokerChanges",
    "BrokerDirectory",
    "Listening",
    "NotReloaded",
    "NotSetUp",
    "Role",
    "Setup",
    "Tls",
    "User",
    "changed",
    "let_in",
    "prove_live",
    "refusal_of_running",
    "rehearse",
    "reload_broker",
]
