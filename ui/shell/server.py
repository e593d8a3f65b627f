"""Checks of every request before Streamlit handles it: its Host and its Origin.

Streamlit checks the Host header of WebSockets only, and asks an outside service for this machine's
address before it refuses a foreign Origin.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import cli_util
from streamlit.logger import get_logger
from streamlit.web.server import server_util
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from fracture_core.jobs import standby

LONGEST = 100  # characters of a header that a refusal repeats
_log = get_logger(__name__)


class OwnNamesOnly:
    """ASGI middleware: 403 for requests under a foreign Host or from a foreign Origin."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it in a sentence."""
        if scope["type"] in ("http", "websocket") and (sentence := refusal(Headers(scope=scope))):
            _log.warning("Refused %s: %s", ascii(scope["path"][:LONGEST]), sentence)
            await PlainTextResponse(f"{sentence}\n", 403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def refusal(headers: Headers) -> str | None:
    """Return the reason for refusing a request with these headers; None if it is answered."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not is_host_allowed(host):
        names = ", ".join(st.get_option("server.allowedHosts"))
        return (
            f"This server answers only under the names {names}; received {host[:LONGEST]!a}. "
            "Start it with --server.allowedHosts NAME for each further name."
        )
    if origin is not None and not _is_own(origin, host):
        return (
            f"This server answers only its own pages, here {host[:LONGEST]!a}; "
            f"received the Origin {origin[:LONGEST]!a}. Open its address in the browser."
        )
    return None


def _is_own(origin: str, host: str) -> bool:
    """Return whether an Origin is the requested address, or the configured one.

    Streamlit tries the same two rules before any look-up, so an Origin accepted here causes none.
    """
    try:
        parts = urlsplit(origin)
        name = parts.hostname
    except ValueError:  # such as http://[::1
        return False
    if parts.netloc == host:
        return True
    configured = server_util._get_server_address_if_manually_set()
    return configured is not None and name == configured


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Print the app's address, and open it in a browser unless the server is headless.

    Streamlit's own welcome is off (`logger.hideWelcomeMessage`): with a wildcard address it would
    ask the outside service as well.
    """
    address = server_util.get_url(_display_address())
    print(f"\n  Fracture Explorer answers at {address}\n", flush=True)
    if not st.get_option("server.headless"):
        cli_util.open_browser(address)
    with standby.permitted():  # tests of pages have no server, and none waits for them
        yield


def _display_address() -> str:
    """The name to open: the configured one, else the one that the server listens on."""
    address = st.get_option("server.address") or "localhost"
    configured = server_util._get_server_address_if_manually_set()
    return configured or server_util.get_display_address(address)


MIDDLEWARE = (Middleware(OwnNamesOnly),)
