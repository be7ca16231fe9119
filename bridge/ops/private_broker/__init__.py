"""The private broker that runs when no broker is configured, and where its address is kept.

Listens on loopback only, with random credentials. Owns its own files in the data directory and its child process;
knows no topic. A broker that somebody else runs is never touched.
"""

from bridge.ops.private_broker.address_file import read_broker_json
from bridge.ops.private_broker.private import PrivateBroker, private_broker

__all__ = ["PrivateBroker", "private_broker", "read_broker_json"]
