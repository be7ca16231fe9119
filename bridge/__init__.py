"""The bridge: owns one WhatsApp connection per session and shares it over MQTT."""
