"""Turns what the network, TLS or a CONNACK says into one sentence and one of two kinds: down, or refused."""

from __future__ import annotations

import socket
import ssl

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from bridge.broker.address import BrokerAddress
from bridge.broker.errors import BrokerDown, BrokerError, BrokerRefused
from bridge.broker.messages import BrokerOptions

# CONNACK reason codes of MQTT 5; paho gives 3.1.1's return codes as these too. Mosquitto answers a wrong
# password with "not authorized" on 3.1.1, so that the two cannot be told apart.
_CREDENTIALS = {134, 135, 140}
_PROTOCOL = {132}
_CLIENT_ID = {133}
_PASSING = {136, 137, 151, 156, 157, 159}  # unavailable, busy, over quota, moved, rate exceeded


def explain(error: Exception, address: BrokerAddress, options: BrokerOptions) -> BrokerError:
    """Why this address could not be used."""
    where = address.masked
    if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
        return _explain_code(error, error.rc, where, options)
    if isinstance(error, ssl.SSLCertVerificationError):
        return BrokerRefused(
            f"The certificate of {where} cannot be trusted ({error.verify_message}):"
            " name the file of the authority that signed it, or the host as the certificate calls it."
        )
    if isinstance(error, ssl.SSLError):
        return BrokerRefused(f"{where} does not speak TLS as we do ({error.reason}): is it the TLS port?")
    if isinstance(error, socket.gaierror):
        return BrokerDown(f"The host name in {where} cannot be resolved ({error.strerror}).")
    if isinstance(error, ConnectionRefusedError):
        return BrokerDown(f"Nothing listens at {where}: is the broker running?")
    if isinstance(error, ConnectionResetError) and address.tls:
        return BrokerDown(f"{where} broke the connection off: is it the port for TLS?")
    if isinstance(error, TimeoutError):
        silent = f"{where} did not answer within {options.connect_timeout:g} s."
        if options.protocol == "5":
            silent += " A broker that knows only MQTT 3.1.1 may stay silent: try WA_MQTT_PROTOCOL=3.1.1."
        return BrokerDown(silent)
    return BrokerDown(f"{where} cannot be reached: {error}.")


def _explain_code(error: aiomqtt.MqttCodeError, code: ReasonCode, where: str, options: BrokerOptions) -> BrokerError:
    if not isinstance(error, aiomqtt.exceptions.MqttConnectError) or code.value in _PASSING:
        return BrokerDown(f"{where} ended the connection before it was made: {code}.")
    if code.value in _CREDENTIALS:
        return BrokerRefused(f"{where} refuses this user or password ({code}): correct them in WA_MQTT_URL.")
    if code.value in _PROTOCOL:
        other = "3.1.1" if options.protocol == "5" else "5"
        return BrokerRefused(f"{where} does not speak MQTT {options.protocol}: set WA_MQTT_PROTOCOL={other}.")
    if code.value in _CLIENT_ID:
        return BrokerRefused(f"{where} refuses the client id {options.client_id!r}.")
    return BrokerRefused(f"{where} refuses the connection: {code}.")


def summarise(failures: list[BrokerError]) -> BrokerError:
    """One error for a list of addresses: refused if any broker refused, since only a person can mend that."""
    if len(failures) == 1:
        return failures[0]
    text = " ".join(str(failure) for failure in failures)
    refused = any(isinstance(failure, BrokerRefused) for failure in failures)
    # Another address of the list may come back by itself, whatever this one said.
    transient = any(failure.transient for failure in failures)
    return BrokerRefused(text, transient=transient) if refused else BrokerDown(text)
