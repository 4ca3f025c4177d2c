"""What every service provider in Python has in common; the same pages as server.mjs has, see there."""

import json
import sys
import uuid
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from handler import Handler, base, listen, page, part, settings  # noqa: E402

__all__ = ["serve", "settings", "urls"]

urls = {"entity": f"{base}/metadata", "acs": f"{base}/acs", "slo": f"{base}/slo"}


class Message:
    """A logout message as it arrived."""

    def __init__(self, binding, fields, query):
        self.binding, self.fields, self.query = binding, fields, query


def serve(peer):
    """Serves `peer`: metadata(), configure(idp), ask(options), accept(fields), leave(person, relay), told(message)."""
    sessions, seen = {}, {"accepted": 0, "refused": Handler.refused, "ended": 0}
    cookie = f"sp-{settings['name']}"

    def end(ident):
        if sessions.pop(ident, None):
            seen["ended"] += 1

    class Provider(Handler):
        def logout(self, message):
            person, answer = peer.told(message)
            if answer is None:
                return self.send(page("Signed out", part("out", message.fields.get("RelayState", ""))))
            for ident, known in list(sessions.items()):
                index = person.get("session_index")
                if known["name_id"] == person["name_id"] and (not index or known["session_index"] == index):
                    end(ident)
            return self.go(answer())

        def route(self, asked, fields, body, query):
            session = self.cookie(cookie)
            match asked:
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
                    self.send(page("Signed in", part("person", person)), headers=headers)
                case "GET /out":
                    person = sessions.get(session)
                    if person is None:
                        return self.send(page("Signed out", part("out", "")))
                    leaving = peer.leave(person, fields.get("relay", ""))
                    end(session)
                    self.go(leaving)
                case "GET /slo":
                    self.logout(Message("redirect", fields, query))
                case "POST /slo":
                    self.logout(Message("post", fields, None))
                case "GET /":
                    person = sessions.get(session)
                    self.send(page("Signed in", part("person", person)) if person else page("Nobody", part("nobody", "")))
                case "GET /seen":
                    self.send(json.dumps(seen), kind="application/json")
                case _:
                    self.send(status=404)

    listen(Provider)
