"""What travels between WhatsApp, the bridge and everybody else: addresses, topics, payloads, states, errors.

Imports nothing of ours and no MQTT, HTTP or browser library, so that any program may use it to speak the contract.
"""
