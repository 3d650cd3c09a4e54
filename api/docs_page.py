"""The interactive page of the API at /docs, with its scripts from an installed package: no network is needed."""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_FILES = "/docs/files"


def add_docs_page(app: FastAPI) -> None:
    """Serve /docs and the files it loads; FastAPI's own page would fetch them from a CDN."""
    # The page's path is first, or the mount below it would answer for it.
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=app.title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
    )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page

    static = Path(fastapi_offline.__file__).parent / "static"
    app.mount(_FILES, StaticFiles(directory=static), name="docs-files")
