"""An MQTT client that connects and then sends nothing: the library cannot be kept from its PINGREQ.

Speaks MQTT 3.1.1's CONNECT and reads bytes; knows nothing else of the protocol.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
import uuid

from bridge.broker import BrokerAddress, BrokerDown

#: Seconds for connection and CONNACK.
_CONNECT = 10.0
_CLEAN, _USERNAME, _PASSWORD = 0x02, 0x80, 0x40


async def seconds_until_dropped(
    address: BrokerAddress, ca_file: str | None, keepalive: int, within: float
) -> float | None:
    """Seconds from CONNACK until the broker ends the silent connection; None if it has not `within` seconds.

    Raises BrokerDown where the broker does not accept the connection.
    """
    trust = ssl.create_default_context(cafile=ca_file) if address.tls else None
    try:
        async with asyncio.timeout(_CONNECT):
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=trust)
    except (OSError, TimeoutError) as error:
        raise BrokerDown(f"{address.masked} cannot be reached: {error}.") from error
    try:
        username, password = address.credentials
        writer.write(connect_packet(f"wa-doctor-{uuid.uuid4().hex[:12]}", username, password, keepalive))
        try:
            async with asyncio.timeout(_CONNECT):
                answer = await reader.readexactly(4)
        except (OSError, EOFError, TimeoutError) as error:
            raise BrokerDown(f"{address.masked} did not accept a silent client.") from error
        if answer[3] != 0:
            raise BrokerDown(f"{address.masked} did not accept a silent client: return code {answer[3]}.")
        began = time.monotonic()
        try:
            async with asyncio.timeout(within):
                while await reader.read(1024):
                    pass
        except TimeoutError:
            return None
        except OSError:
            pass  # ended by a reset
        return time.monotonic() - began
    finally:
        writer.close()


def connect_packet(client_id: str, username: str, password: str, keepalive: int) -> bytes:
    """A CONNECT of MQTT 3.1.1 with a clean session; user and password empty for none."""
    flags = _CLEAN | (_USERNAME if username else 0) | (_PASSWORD if password else 0)
    fields = [_text(value) for value in (client_id, username, password) if value]
    body = _text("MQTT") + struct.pack("!BBH", 4, flags, keepalive) + b"".join(fields)
    return b"\x10" + _length(len(body)) + body


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


def _length(size: int) -> bytes:
    """MQTT's length: seven bits a byte, the lowest first."""
    found = bytearray()
    while size > 127:
        found.append(size & 127 | 128)
        size >>= 7
    return bytes([*found, size])
