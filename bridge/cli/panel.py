"""`wa panel`: a new link that logs a browser in to the panel of the bridge that runs here."""

from __future__ import annotations

import typer

from bridge.cli.run import EXIT_HELP, Exit, run


def register(app: typer.Typer) -> None:
    app.command("panel", epilog=EXIT_HELP)(panel)


def panel() -> None:
    """Print a link that logs one browser in to the panel, once, within 15 minutes. Run it where the bridge runs."""

    async def command() -> Exit:
        import secrets
        import time

        from bridge.cli.facade import NoFacade
        from bridge.cli.http_file import read_http_json
        from bridge.cli.paths import load_running
        from bridge.http.login_link import offer_link
        from bridge.http.panel_sessions import LINK_LIMIT, link_hash

        settings, token = load_running(), secrets.token_urlsafe(24)
        address = read_http_json(settings.data_dir)
        if address is None:
            raise NoFacade(f"No bridge with a panel runs on {settings.data_dir}/: start `wa up`, or set WA_DATA_DIR.")
        offer_link(settings.data_dir, link_hash(token), time.time() + LINK_LIMIT)
        typer.echo(f"{address}/#link={token}")
        return Exit.OK

    run(command)
