"""The panel: one page at `/` that shows and controls the bridge through the same `/v1` as every other caller."""

from bridge.http.panel.routes import router

__all__ = ["router"]
