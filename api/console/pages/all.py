"""All pages, one line each; to add one: its file, its line here, and its way in `api/console/frame.py`."""

from api.console.pages import (
    alerts,
    books,
    channels,
    closing,
    device,
    device_job,
    devices,
    explain,
    feed,
    keys,
    metrics,
    overview,
    product,
    products,
    reports,
    reservation,
    reservations,
    stock,
    today,
    users,
)
from api.console.visit import Desk

PAGES = (
    overview,
    today,
    alerts,
    feed,
    devices,
    device,
    device_job,
    stock,
    product,
    reservations,
    reservation,
    explain,
    channels,
    products,
    reports,
    books,
    closing,
    metrics,
    users,
    keys,
)


def register_all(desk: Desk) -> None:
    """Make every page known to NiceGUI."""
    for page in PAGES:
        page.register(desk)
