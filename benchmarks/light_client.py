"""A browser tab without a screen: what Streamlit's own page says to a server, and hears from it.

It speaks the WebSocket and the protobuf messages of the installed Streamlit, as its page does:
reruns with the address, the page and the widgets that were touched; fragments asked for at the
intervals that the server names, whether or not the last answer is there; the hashes of large
messages that a browser would have kept; pictures fetched over HTTP once, uploads sent there. Of a
message no more is looked at than that.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

LARGEST = 2**28  # bytes of a message
PICTURE = re.compile(rb"/media/[0-9a-f]+\.\w+")


@dataclass(kw_only=True)
class Run:
    """One run of the script, as a client sees it.

    Args:
        began: when its first message came, on the clock of `time.perf_counter`.
        ended: when it was finished.
        fragment: whether it was one of a part of the page.
        early: whether it was given up for another one.
        bytes: of all of its messages.
        elements: how many came.
        kinds: of elements that came.
    """

    began: float
    ended: float = 0.0
    fragment: bool = False
    early: bool = False
    bytes: int = 0
    elements: int = 0
    kinds: set[str] = field(default_factory=set)


class Tab:
    """One browser tab at a page of the app."""

    def __init__(self, port: int, page: str, query: str = "") -> None:
        self.port, self.page, self.query = port, page, query
        self.runs: list[Run] = []
        self.bytes = 0
        self.errors: list[str] = []
        self.found: dict[str, tuple[str, str]] = {}  # id of a widget -> its kind, and its label
        self.pages = 1  # of what is leafed through
        self.session = ""
        self._hash = ""
        self._kept: dict[str, list] = {}  # hash of a large message -> [run of last use, fragment]
        self._count, self._oldest = 0, 2  # runs so far; runs after which such a message goes
        self._timers: dict[str, asyncio.Task] = {}
        self._pictures: set[bytes] = set()
        self._fetching: set[asyncio.Task] = set()
        self._waiting: list[tuple[Callable[[Run], bool], asyncio.Future]] = []
        self._answers: dict[str, asyncio.Future] = {}
        self._token = ""
        self._now = Run(began=0.0)

    async def open(self) -> None:
        """Connect, and ask for the page."""
        headers, _ = await http(self.port, "GET", "/_stcore/health")
        cookies = [h for h in headers if h.lower().startswith("set-cookie: _streamlit_xsrf")]
        self._token = "".join(cookies[:1]).partition("=")[2].partition(";")[0]
        self.socket = await connect(
            f"ws://localhost:{self.port}/_stcore/stream", max_size=LARGEST, compression=None,
            subprotocols=[Subprotocol("streamlit"), Subprotocol(self._token or "PLACEHOLDER")],
            additional_headers={"Cookie": f"_streamlit_xsrf={self._token}"},
            origin=Origin(f"http://localhost:{self.port}"),
        )  # fmt: skip
        self._listener = asyncio.create_task(self._listen())
        await self.rerun()

    async def close(self) -> None:
        """End everything of it."""
        for task in [*self._timers.values(), *self._fetching, self._listener]:
            task.cancel()
        await self.socket.close()

    async def rerun(self, *touched: WidgetState, fragment: str = "", auto: bool = False) -> None:
        """Ask for a run of the script, or of a fragment of it."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self.query, self._hash
        if not self._hash:
            asked.page_name = self.page
        asked.fragment_id, asked.is_auto_rerun = fragment, auto
        asked.widget_states.widgets.extend(touched)
        asked.cached_message_hashes.extend(self._kept)
        asked.context_info.timezone = "Europe/Berlin"
        asked.context_info.locale = "en-US"
        asked.context_info.url = f"http://localhost:{self.port}/{self.page}"
        asked.context_info.color_scheme = "dark"
        await self.socket.send(message.SerializeToString())

    def until(self, wanted: Callable[[Run], bool]) -> asyncio.Future:
        """Resolves with the next finished run that is wanted."""
        waits = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, waits))
        return waits

    async def pictures(self) -> None:
        """Wait until all pictures announced so far are here."""
        while self._fetching:
            await asyncio.gather(*self._fetching)

    async def upload(self, uploader: str, films: dict[str, bytes]) -> None:
        """Send files, then tell the page, as its uploader does."""
        message, ask = BackMsg(), secrets.token_hex(8)
        message.file_urls_request.request_id = ask
        message.file_urls_request.session_id = self.session
        message.file_urls_request.file_names.extend(films)
        self._answers[ask] = waits = asyncio.get_running_loop().create_future()
        await self.socket.send(message.SerializeToString())
        state = WidgetState(id=uploader)
        for (name, content), place in zip(films.items(), await waits, strict=True):
            await self._put(place.upload_url, name, content)
            info = state.file_uploader_state_value.uploaded_file_info.add()
            info.name, info.size, info.file_id = name, len(content), place.file_id
            info.file_urls.CopyFrom(place)
        await self.rerun(state)

    async def _put(self, address: str, name: str, content: bytes) -> None:
        mark = secrets.token_hex(8)
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        headers = {
            "Content-Type": f"multipart/form-data; boundary={mark}",
            "X-Xsrftoken": self._token, "Cookie": f"_streamlit_xsrf={self._token}",
            "Origin": f"http://localhost:{self.port}",
        }  # fmt: skip
        body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
        answer, _ = await http(self.port, "PUT", address, headers, body)
        if " 20" not in answer[0]:
            self.errors.append(f"an upload was answered by {answer[0]}")

    async def _listen(self) -> None:
        async for content in self.socket:
            assert isinstance(content, bytes)
            self.bytes += len(content)
            message = ForwardMsg()
            message.ParseFromString(content)
            self._hear(message, content)

    def _hear(self, message: ForwardMsg, content: bytes) -> None:
        kind = message.WhichOneof("type")
        self._now.bytes += len(content)
        if kind == "delta":
            self._draw(message, content)
        elif kind == "ref_hash":
            self._now.elements += 1
            if message.ref_hash in self._kept:
                self._kept[message.ref_hash][0] = self._count
            else:
                self.errors.append("the server named a message that was not kept")
        elif kind == "new_session":
            self._begin(message)
        elif kind == "script_finished":
            self._end(message)
        elif kind == "auto_rerun":
            self._poll(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._still(fragment)
        elif kind == "navigation":
            self._hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            answer = message.file_urls_response
            self._answers.pop(answer.response_id).set_result(list(answer.file_urls))
        elif kind == "session_event" and message.session_event.HasField(
            "script_compilation_exception"
        ):
            self.errors.append("the script does not compile")

    def _begin(self, message: ForwardMsg) -> None:
        new = message.new_session
        self.session = new.initialize.session_id or self.session
        fragments = list(message.metadata.run.fragment_ids)
        if not fragments:
            for fragment in list(self._timers):
                self._still(fragment)
            self._oldest = new.config.max_cached_message_age or self._oldest
        self._now = Run(began=time.perf_counter(), fragment=bool(fragments))

    def _end(self, message: ForwardMsg) -> None:
        status = message.script_finished
        fragments = list(message.metadata.run.fragment_ids)
        self._now.ended = time.perf_counter()
        self._now.early = status == ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
        if not self._now.early:
            self._count += 1
            for name, (used, fragment) in list(self._kept.items()):
                if (not fragments or fragment in fragments) and self._count - used > self._oldest:
                    del self._kept[name]
        self.runs.append(self._now)
        waiting, self._waiting = self._waiting, []
        for wanted, waits in waiting:
            if waits.done():
                continue
            if wanted(self._now):
                waits.set_result(self._now)
            else:
                self._waiting.append((wanted, waits))

    def _draw(self, message: ForwardMsg, content: bytes) -> None:
        delta = message.delta
        self._now.elements += 1
        if message.metadata.cacheable:
            self._kept[message.hash] = [self._count, delta.fragment_id]
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = str(element.WhichOneof("type"))
        if kind == "bidi_component":
            kind = element.bidi_component.component_name.rpartition(".")[2]
        elif kind == "exception":
            self.errors.append(element.exception.message)
        elif kind == "alert" and element.alert.format == 1:  # an error
            self.errors.append(element.alert.body)
        elif kind == "pagination":
            self.pages = element.pagination.num_pages
        self._now.kinds.add(kind)
        widget = getattr(element, str(element.WhichOneof("type")))
        if name := getattr(widget, "id", ""):
            self.found.pop(name, None)
            self.found[name] = kind, getattr(widget, "label", "")
        for address in PICTURE.findall(content) if kind in ("imgs", "html") else ():
            self._fetch(address)

    def _fetch(self, address: bytes) -> None:
        """Have a picture fetched, unless the browser has it."""
        if address in self._pictures:
            return
        self._pictures.add(address)

        async def get() -> None:
            answer, content = await http(self.port, "GET", address.decode())
            self.bytes += len(content)
            if " 200 " not in answer[0] + " ":
                self.errors.append(f"a picture was answered by {answer[0]}")

        task = asyncio.create_task(get())
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    def _poll(self, fragment: str, seconds: float) -> None:
        """Ask for a fragment every so many seconds, until asked otherwise."""
        if fragment in self._timers and self._timers[fragment].get_name() == str(seconds):
            return
        self._still(fragment)

        async def ask() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self.rerun(fragment=fragment, auto=True)

        self._timers[fragment] = asyncio.create_task(ask(), name=str(seconds))

    def _still(self, fragment: str) -> None:
        if timer := self._timers.pop(fragment, None):
            timer.cancel()

    def widgets(self, kind: str, label: str = "") -> list[str]:
        """Ids of the widgets of a kind that were drawn, newest last, whose label begins so."""
        return [
            name for name, of in self.found.items() if of[0] == kind and of[1].startswith(label)
        ]


async def http(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> tuple[list[str], bytes]:
    """One request on a connection of its own: the answer's lines of head, and its content."""
    reader, writer = await asyncio.open_connection("localhost", port)
    lines = {"Host": f"localhost:{port}", "Connection": "close", "Content-Length": str(len(body))}
    head = "".join(f"{key}: {value}\r\n" for key, value in (lines | (headers or {})).items())
    writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    await writer.drain()
    answer = await reader.read(-1)
    writer.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    return top.decode("latin-1").split("\r\n"), content
