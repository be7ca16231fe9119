"""The sandbox: a double of WhatsApp Web on which the real wa-js boots, and a phone to type on."""

from .server import AddressUnavailable, Sandbox
from .state import StateUnreadable
from .world import World

__all__ = ["AddressUnavailable", "Sandbox", "StateUnreadable", "World"]
