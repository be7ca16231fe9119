"""`wa web`: which wa-js the bridge runs and which page it opens, where WhatsApp Web changed before the bridge did."""

from __future__ import annotations

import json as json_format
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.run import EXIT_HELP, Exit, console, print_json_line, run

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.ports import LibraryVersion, PageVersion
    from bridge.settings import BridgeSettings

#: Pages that are listed; npm has some hundred, several a day.
_LISTED = 30

web = typer.Typer(
    name="web", help="WhatsApp's page: the wa-js that runs in it, and a pin to a saved page.", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="One JSON line per version.")]


def register(app: typer.Typer) -> None:
    app.add_typer(web)


@web.command("list", epilog=EXIT_HELP)
def list_versions(json: Json = False) -> None:
    """The copies of wa-js and the saved pages on this machine, and which of them the next start uses."""

    async def command() -> Exit:
        from datetime import UTC, datetime

        from bridge.drivers import driver_kind
        from bridge.ops.page_versions import versions_of
        from bridge.settings import load

        settings = load()
        versions = versions_of(driver_kind(settings.driver))
        libraries = versions.libraries(settings)
        for library in libraries:
            _show_library(library, json=json)
        for page in versions.pages(settings):
            _show_page(page, datetime.now(UTC), json=json)
        return Exit.FAILED if any(library.used and library.fault for library in libraries) else Exit.OK

    run(command)


@web.command(epilog=EXIT_HELP)
def update(
    version: Annotated[str | None, typer.Argument(help="A version of wa-js; the newest by default.")] = None,
    json: Json = False,
) -> None:
    """Fetch a wa-js with npm, try it on the sandbox, and use it from the next start on if it works.

    The trial takes some seconds: needed functions, pairing, a send, a received message. A copy that fails is not kept.
    """

    async def command() -> Exit:
        import logging

        from bridge.app.clock import SystemClock
        from bridge.cli.startup import restrict_file_modes
        from bridge.drivers import driver_kind
        from bridge.ops.page_versions import update_library
        from bridge.settings import load

        def progress(step: str) -> None:
            if not json:
                _done(step)

        restrict_file_modes()
        logging.getLogger("bridge").setLevel(logging.CRITICAL)  # what fails in the trial is its result
        settings = load()
        library = await update_library(driver_kind(settings.driver), settings, version, SystemClock(), progress)
        if json:
            _show_library(library, json=True)
        else:
            _selected(settings, library)
        return Exit.OK

    run(command)


@web.command(epilog=EXIT_HELP)
def use(
    version: Annotated[str, typer.Argument(help="An installed version, or `shipped`.")],
    json: Json = False,
) -> None:
    """Select the wa-js that the next start of the bridge runs."""

    async def command() -> Exit:
        from bridge.cli.startup import restrict_file_modes
        from bridge.drivers import driver_kind
        from bridge.ops.page_versions import versions_of
        from bridge.settings import load

        restrict_file_modes()
        settings = load()
        versions = versions_of(driver_kind(settings.driver))
        library = versions.use_library(settings, None if version == "shipped" else version)
        if json:
            _show_library(library, json=True)
        else:
            _selected(settings, library)
        return Exit.OK

    run(command)


@web.command(epilog=EXIT_HELP)
def page(
    version: Annotated[
        str | None, typer.Argument(help="The page to save, for example 2.3000.1048032155-alpha.")
    ] = None,
    json: Json = False,
) -> None:
    """Save one version of WhatsApp's page, for WA_WEB_VERSION; without VERSION list the newest that npm has.

    The package has 43 MB. Nothing is pinned before WA_WEB_VERSION is set and the bridge restarted.
    """

    async def command() -> Exit:
        from datetime import UTC, datetime

        from bridge.cli.startup import restrict_file_modes
        from bridge.drivers import driver_kind
        from bridge.ops.page_versions import offered_pages, save_page
        from bridge.settings import load

        restrict_file_modes()
        settings, now = load(), datetime.now(UTC)
        kind = driver_kind(settings.driver)
        if version is None:
            for offered in (await offered_pages(kind))[:_LISTED]:
                _show_page(offered, now, json=json)
            return Exit.OK
        saved = await save_page(kind, settings, version)
        if json:
            _show_page(saved, now, json=True)
        else:
            _done(f"saved: page {saved.version}, {saved.age(now)} days old")
            console().print(f"Set WA_WEB_VERSION={saved.version} and restart the bridge.", highlight=False)
        return Exit.OK

    run(command)


def _selected(settings: BridgeSettings, library: LibraryVersion) -> None:
    if settings.wa_js_file is not None:
        console().print(f"[yellow]![/] WA_JS_FILE={settings.wa_js_file} is used instead: unset it.", highlight=False)
    back = "" if library.origin == "shipped" else " Back: wa web use shipped"
    named = f"wa-js {library.version} ({library.origin}, SHA-256 {library.sha256[:12]})"
    _done(f"selected: {named}, from the bridge's next start on.{back}")


def _show_library(library: LibraryVersion, *, json: bool) -> None:
    if json:
        _print_json(
            what="wa-js",
            version=library.version,
            origin=library.origin,
            sha256=library.sha256,
            supports=library.supports,
            used=library.used,
            fault=library.fault,
        )
        return
    marks = [library.origin, f"SHA-256 {library.sha256[:12]}"]
    if library.supports:
        marks.append(f"supports WhatsApp Web {library.supports}")
    _item(f"wa-js {library.version}", marks, used=library.used, fault=library.fault)


def _show_page(page: PageVersion, now: datetime, *, json: bool) -> None:
    if json:
        _print_json(what="page", version=page.version, released=page.released.isoformat(), used=page.used)
        return
    _item(
        f"page {page.version}",
        [f"released {page.released:%Y-%m-%d %H:%M}", f"{page.age(now)} days old"],
        used=page.used,
    )


def _item(name: str, marks: list[str], *, used: bool, fault: str | None = None) -> None:
    from rich.markup import escape

    line = f"{'[green]●[/]' if used else ' '} [bold]{name}[/] {escape(', '.join(marks))}"
    console().print(line + (f" [red]{escape(fault)}[/]" if fault else ""), highlight=False)


def _done(text: str) -> None:
    console().print("[green]✓[/]", text, highlight=False, markup=True)


def _print_json(**fields: Any) -> None:
    print_json_line(json_format.dumps(fields, ensure_ascii=False))
