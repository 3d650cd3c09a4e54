"""What a person sees who opens the API's address in a browser: where the console and the docs are. Nothing else."""

import re
from html import escape
from typing import Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from api.deps import get_runtime

_EVERYWHERE: Final = ("0.0.0.0", "::")
_HOST: Final = re.compile(r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]{1,253})(:[0-9]{1,5})?$")
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>omnistock</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto; padding: 0 1.25rem }}
h1 {{ font-size: 1.6rem; margin-bottom: .25rem }} p {{ margin-top: 0; opacity: .75 }}
li {{ margin: .4rem 0 }} a {{ color: #4f6df5 }}
</style></head><body><h1>omnistock</h1><p>One pool of stock for every channel.</p><ul>{links}</ul></body></html>"""


def add_root_page(app: FastAPI) -> None:
    """Serve it at `/`."""

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> HTMLResponse:
        console = console_address(get_runtime(request).console, request.headers.get("host", ""))
        links = {"/docs": "API documentation", "/openapi.json": "OpenAPI schema", "/health/ready": "Health"}
        if console is not None:
            links = {console: "Planners' console", **links}
        items = "".join(f'<li><a href="{escape(link)}">{escape(words)}</a></li>' for link, words in links.items())
        return HTMLResponse(_PAGE.format(links=items))


def console_address(console: str | None, host: str) -> str | None:
    """The console's address for a browser that came to us as `host`.

    What a caller says our name is counts only where the console listens on every address and has no name of its own.
    """
    if console is None:
        return None
    parts = urlsplit(console)
    found = _HOST.match(host)
    if parts.hostname not in _EVERYWHERE or found is None:
        return console
    return f"http://{found[1]}:{parts.port}"
