"""A server that answers as the hub does: what huggingface_hub needs to fetch files, on this machine."""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" * 6 + "c0de"


class Hub(ThreadingHTTPServer):
    """``contents`` by "repository/path"; ``refusals`` by the same; ``cut`` bytes end an answer.

    Large files are ``elsewhere`` where that is another server's address.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.contents, self.refusals, self.announced = {}, {}, {}
        self.cut = None
        self.broken = False
        self.elsewhere = ""
        self.tokens = []
        self.asked = []
        self.sent = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        repository, _, rest = self.path.lstrip("/").partition("/resolve/")
        name = f"{repository}/{rest.partition('/')[2]}"
        hub = self.server
        hub.asked.append((self.command, name, rest.partition("/")[0], self.headers.get("Range")))
        hub.tokens.append(self.headers.get("Authorization"))
        refusal = hub.refusals.get(name, 0 if name in hub.contents else 404)
        if refusal or (body and hub.broken):
            return self._empty(refusal or 500)
        content = hub.contents[name]
        start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        digest = hub.announced.get(name, hashlib.sha256(content).hexdigest())
        large, size = name.endswith((".safetensors", ".ckpt")), len(content)
        elsewhere = hub.elsewhere if large else ""
        self.send_response(302 if elsewhere else 206 if start else 200)
        if elsewhere:
            self.send_header("Location", elsewhere + self.path)
            content, start, body = b"", 0, False
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{digest if large else hashlib.sha1(content).hexdigest()}"')
        if large:
            self.send_header("X-Linked-Size", str(size))
            self.send_header("X-Linked-Etag", f'"{digest}"')
        self.end_headers()
        return self._send(content[start:]) if body else None

    def _send(self, content):
        hub = self.server
        if hub.cut is not None and len(content) > hub.cut:
            content, hub.cut, hub.broken = content[: hub.cut], None, True
            self.close_connection = True
        self.wfile.write(content)
        hub.sent += len(content)

    def _empty(self, status):
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "EntryNotFound")
        if status == 403:
            self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serving():
    """A hub that answers until the end of the block."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
