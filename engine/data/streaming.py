"""An answer of a web server, read by a thread, so that whoever waits for it can be cancelled at once."""

from __future__ import annotations

import http.client
import queue
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from engine.control import Cancelled, CancelToken

PIECE = 1 << 16
AHEAD = 32  # pieces that may wait to be written
POLL_SECONDS = 0.03
SILENCE_SECONDS = 30.0
GONE = (400, 401, 403, 404, 405, 406, 410, 451)
SCHEMES = ("http", "https")


class Refused(Exception):
    """An address did not give what was asked for; the text is a clause. `final`: asking again would change nothing."""

    def __init__(self, reason: str, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Answer(msgspec.Struct, frozen=True, eq=False):
    """The head of an answer. `length`: bytes that follow, None where the server does not say."""

    status: int
    headers: Any
    length: int | None

    @property
    def kind(self) -> str:
        """The media type, such as "image/jpeg"; empty where the server does not say."""
        return str(self.headers.get("Content-Type", "")).split(";")[0].strip().lower()


class Stream:
    """One request. Use it in a `with`; leaving it closes the connection, whatever the server does.

    Parameters
    ----------
    address : str
        http or https; redirections may lead to nothing else.
    headers : dict
        Further headers of the request.
    silence : float, optional
        Seconds without a byte after which the server is given up; SILENCE_SECONDS by default.
    """

    def __init__(self, address: str, headers: dict[str, str] | None = None, silence: float | None = None) -> None:
        self.address = address
        self._headers = {"User-Agent": "Fovea", "Accept-Encoding": "identity", **(headers or {})}
        self._silence = SILENCE_SECONDS if silence is None else silence
        self._parcels: queue.Queue[Answer | bytes | Exception | None] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._read, name="fovea-fetch", daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        for opened in list(self._sockets):
            try:
                opened.shutdown(socket.SHUT_RDWR)  # wakes the thread where it waits for bytes
            except OSError:  # closed already
                continue
        self._thread.join(POLL_SECONDS)

    def begin(self, token: CancelToken) -> Answer:
        """Wait for the head of the answer.

        Raises
        ------
        Refused
            If there is no connection, or the server has nothing there.
        Cancelled
            If the token was cancelled.
        """
        answer = self._next(token)
        if not isinstance(answer, Answer):
            raise Refused("gave no answer", final=False)
        if answer.status not in (200, 206, 416):
            raise Refused(f"answered {answer.status} {http.client.responses.get(answer.status, '')}".strip(), answer.status in GONE)
        return answer

    def pieces(self, token: CancelToken) -> Iterator[bytes]:
        """The bytes that follow the head, until the connection ends; raises as `begin` does."""
        while True:
            piece = self._next(token)
            if not isinstance(piece, bytes):
                return
            yield piece

    def _next(self, token: CancelToken) -> Answer | bytes | None:
        while True:
            token.check()
            try:
                parcel = self._parcels.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(parcel, Exception):
                raise Refused(_clause(parcel), final=_is_final(parcel))
            return parcel

    # ------------------------------------------------------------ in the thread

    def _read(self) -> None:
        try:
            request = urllib.request.Request(ascii_address(self.address), headers=self._headers)
            try:
                response = _opener(self._sockets).open(request, timeout=self._silence)
            except urllib.error.HTTPError as error:
                self._hand(Answer(error.code, error.headers, None))
                error.close()
                return
            with response:
                self._hand(Answer(response.status, response.headers, response.length))
                while piece := response.read1(PIECE):
                    self._hand(piece)
            self._hand(None)
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: what is no address at all
            self._put(error)
        except Cancelled:
            return

    def _hand(self, parcel: Answer | bytes | None) -> None:
        if not self._put(parcel):
            raise Cancelled

    def _put(self, parcel: Answer | bytes | Exception | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._parcels.put(parcel, timeout=POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False


def ascii_address(address: str) -> str:
    """An address as it goes over the wire: other letters than ASCII's are encoded, what is encoded stays.

    Raises
    ------
    ValueError
        If it is not an address of http or https.
    """
    parts = urlsplit(address.strip())
    if parts.scheme.lower() not in SCHEMES or not parts.hostname:
        raise ValueError("is no http or https address")
    host = parts.hostname.encode("idna").decode("ascii") if not parts.hostname.isascii() else parts.hostname
    place = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port is not None else ""
    path, query = (quote(text, safe="%/:=&?~+!$,;'@()*[]|-._") for text in (parts.path or "/", parts.query))
    return urlunsplit((parts.scheme.lower(), f"{place}{port}", path, query, ""))


def _opener(sockets: list[socket.socket]) -> urllib.request.OpenerDirector:
    """Opens http and https alone (urllib's usual one reads local files too), and tells of the sockets that it opens."""

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class OpenPlain(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, request)

    class OpenSecure(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, request, context=ssl.create_default_context())

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        OpenPlain(),
        OpenSecure(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _is_final(error: Exception) -> bool:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(cause, (ValueError, socket.gaierror, ssl.SSLCertVerificationError, str)) or isinstance(error, http.client.InvalidURL)


def _clause(error: Exception) -> str:
    """What went wrong between here and the server."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        return "cannot be found; this computer may have no network"
    if isinstance(cause, TimeoutError):
        return "is silent"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"has no valid certificate ({cause.verify_message})"
    if isinstance(cause, ConnectionRefusedError):
        return "takes no connection"
    if isinstance(cause, ValueError) and not isinstance(cause, UnicodeError):
        return "is no http or https address"
    if isinstance(cause, OSError) and cause.strerror:
        return f"cannot be reached ({cause.strerror})"
    return f"broke off ({type(cause).__name__ if isinstance(cause, BaseException) else cause})"
