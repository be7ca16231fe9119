"""HTTP: the legacy endpoints, `/v1`, and the panel.

Speaks to the core and the ports only: it serves while the broker is down, and knows no MQTT. Imports nothing here, so
that the settings can check callback rules without loading a web server.
"""
