"""Backups of a session: its store and its browser profile with the login, in one file, and the way back.

A backup may be taken of a running bridge. A restore refuses one, keeps what was there before, and begins a new epoch.
"""

from bridge.ops.backup.archive import BadBackup, Manifest, read_manifest
from bridge.ops.backup.creation import Pause, Saved, save
from bridge.ops.backup.paths import SessionInUse
from bridge.ops.backup.reset import MovedAway, move_away, to_move_away
from bridge.ops.backup.restoration import Restored, restore
from bridge.ops.backup.verification import Checked, check_file, check_folder, newest

__all__ = [
    "BadBackup",
    "Checked",
    "Manifest",
    "MovedAway",
    "Pause",
    "Restored",
    "Saved",
    "SessionInUse",
    "check_file",
    "check_folder",
    "move_away",
    "newest",
    "read_manifest",
    "restore",
    "save",
    "to_move_away",
]
