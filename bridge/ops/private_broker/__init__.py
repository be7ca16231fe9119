"""The private broker, which runs when no broker is configured, and the file with its address.

Listens on loopback only, with random credentials. Owns its files in the data directory and its child process; knows no
topics. Never touches any other broker.
"""

from bridge.ops.private_broker.address_file import read_broker_json
from bridge.ops.private_broker.private import PrivateBroker, private_broker

__all__ = ["PrivateBroker", "private_broker", "read_broker_json"]
