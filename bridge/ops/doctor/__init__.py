"""The checks of `wa doctor`: everything a bridge depends on, each fault with advice.

Changes nothing and takes no lock, so it can run beside a bridge at any time. Checks test the real thing where possible:
a subscription by a delivery, a browser by loading a page, an address by a request. Empty, because the start of a bridge
reads `variables` and `ineffective` alone.
"""
