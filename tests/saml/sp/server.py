"""What every service provider in Python has in common; the same pages as server.mjs has, see there."""

import html
import json
import os
import re
import sys
import threading
import traceback
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

settings = json.loads(os.environ["LINTEL_PEER"])
base = f"http://127.0.0.1:{settings['port']}"
urls = {"entity": f"{base}/metadata", "acs": f"{base}/acs", "slo": f"{base}/slo"}


def page(title, ident, told):
    text = told if isinstance(told, str) else json.dumps(told, indent=1)
    return (
        f"<!doctype html><meta charset=utf-8><title>{settings['name']}</title><h1>{title}</h1>"
        f'<pre id="{ident}">{html.escape(text)}</pre>'
    )


class Message:
    """A logout message as it arrived."""

    def __init__(self, binding, fields, query):
        self.binding, self.fields, self.query = binding, fields, query


def serve(peer):
    """Serves `peer`: metadata(), configure(idp), ask(options), accept(fields), leave(person, relay), told(message)."""
    sessions, seen, lock = {}, {"accepted": 0, "refused": [], "ended": 0}, threading.Lock()
    cookie = f"sp-{settings['name']}"

    def end(ident):
        if sessions.pop(ident, None):
            seen["ended"] += 1

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def session(self):
            found = re.search(rf"{cookie}=([\w-]+)", self.headers.get("cookie", ""))
            return found and found[1]

        def send(self, text="", status=200, kind="text/html; charset=utf-8", headers=()):
            data = text.encode()
            self.send_response(status)
            for name, value in (("content-type", kind), ("content-length", str(len(data))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def go(self, answer):
            if answer.get("location"):
                self.send(status=302, headers=[("location", answer["location"])])
            else:
                self.send(answer["html"])

        def logout(self, message):
            person, answer = peer.told(message)
            if answer is None:
                return self.send(page("Signed out", "out", message.fields.get("RelayState", "")))
            for ident, known in list(sessions.items()):
                index = person.get("session_index")
                if known["name_id"] == person["name_id"] and (not index or known["session_index"] == index):
                    end(ident)
            return self.go(answer())

        def route(self):
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            fields = dict(parse_qsl(body if self.command == "POST" else url.query, keep_blank_values=True))
            match f"{self.command} {url.path}":
                case "PUT /idp":
                    peer.configure(json.loads(body))
                    self.send()
                case "GET /metadata":
                    self.send(peer.metadata(), kind="application/samlmetadata+xml")
                case "GET /in":
                    self.go(peer.ask(fields))
                case "POST /acs":
                    person = {**peer.accept(fields), "relay_state": fields.get("RelayState")}
                    ident = str(uuid.uuid4())
                    seen["accepted"] += 1
                    sessions[ident] = person
                    headers = [("set-cookie", f"{cookie}={ident}; Path=/; HttpOnly; SameSite=Lax")]
                    self.send(page("Signed in", "person", person), headers=headers)
                case "GET /out":
                    person = sessions.get(self.session())
                    if person is None:
                        return self.send(page("Signed out", "out", ""))
                    leaving = peer.leave(person, fields.get("relay", ""))
                    end(self.session())
                    self.go(leaving)
                case "GET /slo":
                    self.logout(Message("redirect", fields, url.query))
                case "POST /slo":
                    self.logout(Message("post", fields, None))
                case "GET /":
                    person = sessions.get(self.session())
                    self.send(page("Signed in", "person", person) if person else page("Nobody", "nobody", ""))
                case "GET /seen":
                    self.send(json.dumps(seen), kind="application/json")
                case _:
                    self.send(status=404)

        def answer(self):
            with lock:
                try:
                    self.route()
                except Exception as error:  # Whatever the library throws is a refusal.
                    traceback.print_exc()
                    why = f"{type(error).__name__}: {error}"
                    seen["refused"].append(why)
                    self.send(page("Refused", "refused", why), status=403)
                finally:
                    sys.stderr.flush()

        do_GET = do_POST = do_PUT = answer

    server = ThreadingHTTPServer(("127.0.0.1", settings["port"]), Handler)
    server.daemon_threads = True
    print(f"{settings['name']} listens at {base}", flush=True)
    server.serve_forever()
