"""SendsSoFar one text to many people, each once, at a pace that does not burn the number.

A service of its own beside the bridge: it knows the bridge's contract, its MQTT client and `/v1`, and nothing else.
"""
