"""A cursor in a file: complete or absent, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.client import BadCursorFile, Cursor, FileCursor

CURSOR = Cursor(epoch="5e0f3c9a-0000-4000-8000-000000000000", seq=42)


def test_a_saved_cursor_is_loaded(tmp_path: Path) -> None:
    file = FileCursor(tmp_path / "seen.json")
    assert file.load() is None
    file.save(CURSOR)
    file.save(CURSOR.model_copy(update={"seq": 43}))
    assert FileCursor(str(tmp_path / "seen.json")).load() == CURSOR.model_copy(update={"seq": 43})
    assert [path.name for path in tmp_path.iterdir()] == ["seen.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"epoch": "x", "seq": -1}', b"\xff", b"[1]"])
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seen.json").write_bytes(content)
    with pytest.raises(BadCursorFile, match=r"seen\.json"):
        FileCursor(tmp_path / "seen.json").load()


def test_a_failed_save_keeps_the_old_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = FileCursor(tmp_path / "seen.json")
    file.save(CURSOR)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.save(CURSOR.model_copy(update={"seq": 43}))
    assert file.load() == CURSOR
    assert [path.name for path in tmp_path.iterdir()] == ["seen.json"]
