"""Composition: puts the core, a driver, a store and MQTT together, one set for each session."""

from bridge.app.bridge import Bridge
from bridge.app.host import SessionHost
from bridge.app.limits import BridgeLimits

__all__ = ["Bridge", "BridgeLimits", "SessionHost"]
