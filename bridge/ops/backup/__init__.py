"""Backups of a session (store, browser profile with the login) in one file: create, verify, restore; store reset.

A backup can be taken of a running bridge. A restore refuses a running one, keeps the replaced files, and starts a new
epoch.
"""

from bridge.ops.backup.archive import BadBackup, Manifest, read_manifest
from bridge.ops.backup.creation import BackupResult, Pause, create_backup
from bridge.ops.backup.paths import SessionInUse
from bridge.ops.backup.reset import ResetResult, reset_store, stores_to_move
from bridge.ops.backup.restoration import RestoreResult, restore_backup
from bridge.ops.backup.verification import VerificationResult, check_file, check_folder, newest_backup

__all__ = [
    "BackupResult",
    "BadBackup",
    "Manifest",
    "Pause",
    "ResetResult",
    "RestoreResult",
    "SessionInUse",
    "VerificationResult",
    "check_file",
    "check_folder",
    "create_backup",
    "newest_backup",
    "read_manifest",
    "reset_store",
    "restore_backup",
    "stores_to_move",
]
