"""The responder's HTTP surface: the legacy paths, and the page with the conversations."""
