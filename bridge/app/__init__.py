"""Composition: puts the core, a driver, a store and the MQTT door together, one set for each session."""

from bridge.app.bridge import Bridge
from bridge.app.host import DriverFactory, SessionHost

__all__ = ["Bridge", "DriverFactory", "SessionHost"]
