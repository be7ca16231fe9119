"""Composition: puts the core, a driver, a store and the MQTT door together, one set for each session."""

from .bridge import Bridge
from .host import DriverFactory, SessionHost

__all__ = ["Bridge", "DriverFactory", "SessionHost"]
