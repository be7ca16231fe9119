"""Client ids that only a holder of the broker's password can compute. Pure.

A broker ends the older of two connections with one client id, and hands its session to the newer one, also to that of
another user. With an id that can be guessed, every user of the broker could end the bridge's connections and empty its
queue.
"""

from __future__ import annotations

import hashlib
import hmac

from bridge.broker.address import BrokerAddress


def secret_client_id(name: str, address: BrokerAddress) -> str:
    """`name` with a suffix derived from user and password: stable over restarts, and the same on a second host that
    takes the session over. Without a password it is `name`: then the broker protects nothing.
    """
    user, password = address.credentials
    if not password:
        return name
    suffix = hmac.new(password.encode(), f"client id\0{user}\0{name}".encode(), hashlib.sha256).hexdigest()
    return f"{name}-{suffix[:20]}"
