"""The page's queue of items: what waits for more, and what leaves at once."""

from __future__ import annotations

import json
import subprocess
from importlib import resources
from pathlib import Path

from playwright._impl._driver import compute_driver_executable


def test_an_ack_that_the_answer_of_a_send_has_said_leaves_with_the_ticks() -> None:
    script = Path(str(resources.files("bridge.drivers.web"))) / "page" / "queue.js"
    done = subprocess.run(
        [compute_driver_executable()[0], str(Path(__file__).with_name("page_queue.mjs"))],
        input=str(script),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == {
        "answered": [[150, [1, 2, 3]]],
        "pending": [[50, [1]], [190, [2]]],  # the chat waits for the first one
    }
