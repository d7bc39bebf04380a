"""A web server on loopback that misbehaves as it is told."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec


class Page(msgspec.Struct):
    """What lies at a path, and how it is given.

    Attributes
    ----------
    content : bytes
    ranges : bool
        Parts can be asked for.
    cut : int or None
        The connection ends after so many bytes of every answer.
    silent : bool
        After the head nothing comes, until the server stops.
    """

    content: bytes = b""
    kind: str = "application/octet-stream"
    status: int = 200
    etag: str = '"1"'
    ranges: bool = True
    cut: int | None = None
    silent: bool = False
    location: str = ""
    length: bool = True


class Web(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def ranges_asked(self) -> list[str]:
        return [headers.get("Range", "") for _, headers in self.asked]

    def close(self) -> None:
        self.stopped.set()
        self.shutdown()
        self.server_close()
        self._thread.join(5)


class _Answer(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        page = self.server.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        content, status = page.content, page.status
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range", page.etag) == page.etag
        start = int(asked[1]) if asked and page.ranges and unchanged else 0
        if start >= len(content) > 0:
            status, content = 416, b""
        elif asked and page.ranges and unchanged:
            status = 206
        self.send_response(status)
        if page.location:
            self.send_header("Location", page.location)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if page.etag:
            self.send_header("ETag", page.etag)
        self.send_header("Content-Type", page.kind)
        body = content[start:]
        if page.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if page.silent:
                self.wfile.write(body[:100])
                self.server.stopped.wait(20)
            else:
                self.wfile.write(body if page.cut is None else body[: page.cut])
        except OSError:  # whoever asked has gone
            return
