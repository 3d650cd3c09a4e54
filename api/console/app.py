"""The console's application: the gate, the sign-in form, downloads, and the pages.

NiceGUI's pages belong to the process, so this is made once in it.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles

from api.console.accounts import Accounts
from api.console.client import Api
from api.console.files import directory_of
from api.console.gate import App, Gate
from api.console.live import DeviceNews, Live
from api.console.login import Door
from api.console.sessions import Sessions
from api.console.visit import Desk

RECONNECT_S: Final = 10.0
"""A browser that lost its socket for less finds its page as it was."""
LOOK: Final = Path(__file__).parent / "look"


def make_app(data: Path, api: Api) -> App:
    """The ASGI application; `api` carries the console's own key."""
    # NiceGUI reads this when it is imported, and would write to the current directory.
    os.environ["NICEGUI_STORAGE_PATH"] = str(directory_of(data) / "storage")
    from nicegui import ui

    from api.console.download import download_routes
    from api.console.pages.all import register_all
    from api.console.pictures import picture_routes
    from api.console.trouble import register_trouble

    accounts = Accounts(data)
    sessions = Sessions(data, accounts)
    live = Live(api)
    news = DeviceNews(api)
    desk = Desk(api, live, accounts, sessions, news)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await desk.learn()
        try:
            yield
        finally:
            await live.close()
            await news.close()
            await api.close()

    app = FastAPI(title="omnistock console", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(Door(accounts, sessions).router)
    app.include_router(download_routes(desk))
    app.include_router(picture_routes(desk))
    app.add_api_route("/alive", lambda: PlainTextResponse("alive"), include_in_schema=False)
    app.mount("/look", StaticFiles(directory=LOOK), name="look")
    register_all(desk)
    register_trouble(desk)
    ui.run_with(
        app,
        title="omnistock",
        favicon=LOOK / "icon.svg",
        language=None,  # each page says its own
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
        binding_refresh_interval=None,
    )
    return Gate(app, sessions)
