"""Converts errors of the network, TLS, a CONNACK or a PUBACK into one sentence and a kind: down or refused."""

from __future__ import annotations

import socket
import ssl

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from bridge.broker.address import BrokerAddress
from bridge.broker.errors import BrokerDown, BrokerError, BrokerRefused, MessageRefused
from bridge.broker.messages import BrokerOptions

# CONNACK reason codes of MQTT 5; paho maps 3.1.1's return codes to these. On 3.1.1 mosquitto answers a wrong password
# with "not authorized", so the two cannot be distinguished.
_CREDENTIALS = {134, 135, 140}
_PROTOCOL = {132}
_CLIENT_ID = {133}
_TAKEN_OVER = 142
_TAKEOVER = "another client took its place, with the same user and password"
_TAKEOVER_ADVICE = "If this repeats, look for a second bridge with this session, or change the password."
_NOT_AUTHORIZED = 135
_PASSING = {136, 137, 151, 156, 157, 159}  # unavailable, busy, over quota, moved, rate exceeded


def explain(error: Exception, address: BrokerAddress, options: BrokerOptions) -> BrokerError:
    """Why this address could not be used."""
    where = address.masked
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return _explain_code(error, error.rc, where, options, tls=address.tls)
    if isinstance(error, ssl.SSLCertVerificationError):
        return BrokerRefused(
            f"The certificate of {where} is not trusted ({error.verify_message}):"
            " set the CA file that signed it, or use the host name that the certificate contains."
        )
    if isinstance(error, ssl.SSLError):
        return BrokerRefused(f"The TLS handshake with {where} failed ({error.reason}): is it the TLS port?")
    if isinstance(error, socket.gaierror):
        return BrokerDown(f"The host name in {where} cannot be resolved ({error.strerror}).")
    if isinstance(error, ConnectionRefusedError):
        return BrokerDown(f"Nothing listens at {where}: is the broker running?")
    if isinstance(error, ConnectionResetError) and address.tls:
        return BrokerDown(f"{where} closed the connection: is it the TLS port?")
    if isinstance(error, TimeoutError):
        silent = f"{where} did not answer within {options.connect_timeout:g} s."
        if options.protocol == "5":
            silent += " A broker that supports only MQTT 3.1.1 may not answer: try WA_MQTT_PROTOCOL=3.1.1."
        return BrokerDown(silent)
    return BrokerDown(f"{where} cannot be reached: {error}.")


def _explain_code(
    error: aiomqtt.MqttCodeError, code: ReasonCode, where: str, options: BrokerOptions, *, tls: bool
) -> BrokerError:
    if not isinstance(error, aiomqtt.exceptions.MqttConnectError):
        hint = "" if tls else " If this is the broker's TLS port, the address begins with mqtts:// (or wss://)."
        return BrokerDown(f"{where} closed the connection before it was established: {code}.{hint}")
    if code.value in _PASSING:
        return BrokerDown(f"{where} closed the connection before it was established: {code}.")
    if code.value in _CREDENTIALS:
        return BrokerRefused(f"{where} refuses this user or password ({code}): correct them in WA_MQTT_URL.")
    if code.value in _PROTOCOL:
        other = "3.1.1" if options.protocol == "5" else "5"
        return BrokerRefused(f"{where} does not speak MQTT {options.protocol}: set WA_MQTT_PROTOCOL={other}.")
    if code.value in _CLIENT_ID:
        return BrokerRefused(f"{where} refuses the client id {options.client_id!r}.")
    return BrokerRefused(f"{where} refuses the connection: {code}.")


def explain_end(code: ReasonCode, *, said: bool) -> str:
    """Why an established connection ended. `said`: the broker gave the code; MQTT 3.1.1 knows no such packet."""
    if said and code.value == _TAKEN_OVER:
        return f"The connection to the broker ended: {_TAKEOVER}. {_TAKEOVER_ADVICE}"
    if said or code.getName() != "Unspecified error":
        return f"The connection to the broker ended: {code}."
    return f"The connection to the broker ended: it broke, the broker closed it, or {_TAKEOVER}. {_TAKEOVER_ADVICE}"


def message_refused(topic: str, code: ReasonCode) -> MessageRefused:
    """What a PUBACK of MQTT 5 says."""
    advice = " Its ACL has to let this user publish there." if code.value == _NOT_AUTHORIZED else ""
    text = f"The broker refused a message to {topic}: {code}.{advice}"
    return MessageRefused(text, code.value, transient=code.value in _PASSING)


def summarise(failures: list[BrokerError]) -> BrokerError:
    """One error for a list of addresses: refused if any broker refused, since only the operator can fix that."""
    if len(failures) == 1:
        return failures[0]
    text = " ".join(str(failure) for failure in failures)
    refused = any(isinstance(failure, BrokerRefused) for failure in failures)
    # Another address of the list may come back by itself, whatever this one answered.
    transient = any(failure.transient for failure in failures)
    return BrokerRefused(text, transient=transient) if refused else BrokerDown(text)
