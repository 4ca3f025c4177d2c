"""What every peer in Python has in common: it serves pages, one request after the other, and whatever its library throws is a refusal.

LINTEL_PEER (JSON): {name, port, key, certificate, ...}, PEM.
"""

import html
import json
import os
import re
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

settings = json.loads(os.environ["LINTEL_PEER"])
base = f"http://127.0.0.1:{settings['port']}"
lock = threading.Lock()


def part(ident, told):
    """The machine-readable part of a page."""
    text = told if isinstance(told, str) else json.dumps(told, indent=1)
    return f'<pre id="{ident}">{html.escape(text)}</pre>'


def page(title, content=""):
    return f"<!doctype html><meta charset=utf-8><title>{settings['name']}</title><h1>{title}</h1>{content}"


class Handler(BaseHTTPRequestHandler):
    """A peer's own answers by `route(asked, fields, body, query)`, where `asked` is such as `GET /metadata`."""

    protocol_version = "HTTP/1.1"
    refused = []  # Why.

    def log_message(self, *_):
        pass

    def cookie(self, name):
        found = re.search(rf"{name}=([\w-]+)", self.headers.get("cookie", ""))
        return found and found[1]

    def send(self, text="", status=200, kind="text/html; charset=utf-8", headers=()):
        data = text.encode()
        self.send_response(status)
        for name, value in (("content-type", kind), ("content-length", str(len(data))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def go(self, answer, headers=()):
        """On to where the library says, or its form."""
        if answer.get("location"):
            self.send(status=302, headers=[("location", answer["location"]), *headers])
        else:
            self.send(answer["html"], headers=headers)

    def answer(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        fields = dict(parse_qsl(body if self.command == "POST" else url.query, keep_blank_values=True))
        with lock:
            try:
                self.route(f"{self.command} {url.path}", fields, body, url.query)
            except Exception as error:
                traceback.print_exc()
                why = f"{type(error).__name__}: {error}"
                self.refused.append(why)
                self.send(page("Refused", part("refused", why)), status=403)
            finally:
                sys.stderr.flush()

    do_GET = do_POST = do_PUT = answer


def listen(handler):
    server = ThreadingHTTPServer(("127.0.0.1", settings["port"]), handler)
    server.daemon_threads = True
    print(f"{settings['name']} listens at {base}", flush=True)
    server.serve_forever()
