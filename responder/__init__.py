"""The responder: an MQTT subscriber that records every conversation and answers the right ones.

Knows the bridge only by `bridge.contract` and `bridge.client`.
"""
