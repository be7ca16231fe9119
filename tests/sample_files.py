"""Small real files for tests of media, made with ffmpeg: a second of a tone, and a red rectangle of 32 by 24 pixels."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "samples"
JPEG, PNG, WEBP = [(FOLDER / f"red.{name}").read_bytes() for name in ("jpg", "png", "webp")]
MP4, MP3, OGG = [(FOLDER / name).read_bytes() for name in ("red.mp4", "tone.mp3", "tone.ogg")]
