"""Bars on standard error, where a person sees them: what takes long shows how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def transferred(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """For bytes of a file; the call takes how many are done."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"uploading {name}", total=size)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def counted(name: str) -> Iterator[Callable[[int, int], None]]:
    """For things; the call takes how many are done and of how many. Without a terminal each is a line."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, visible=False)

        def show(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, visible=True)
            if not console.is_terminal:
                console.print(f"{name}: {done} of {total}", highlight=False)

        yield show
