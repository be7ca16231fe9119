"""The contract of the bridge with all other programs: addresses, topics, payloads, states, errors.

Imports no other package of the project and no MQTT, HTTP or browser library, so that any program can use it.
"""
