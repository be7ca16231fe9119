"""What an operator replaces without a release of the bridge: a driver's library, tried before it is kept; its page."""

from bridge.ops.page_versions.npm import NpmFailed
from bridge.ops.page_versions.trial import TrialFailed, try_library
from bridge.ops.page_versions.update import offered_pages, save_page, update_library, versions_of

__all__ = ["NpmFailed", "TrialFailed", "offered_pages", "save_page", "try_library", "update_library", "versions_of"]
