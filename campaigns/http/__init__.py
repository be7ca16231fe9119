"""The HTTP server of the campaigns service: `/v1/campaigns…`, which the bridge's façade passes on."""
