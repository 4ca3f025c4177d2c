"""An identity provider by pysaml2's server half, with people, a sign-in page and single logout.

    PUT  /peers         configures it: {metadata: [of service providers], encrypted, subject, signed}
                        subject: "email", "persistent", or "attribute" (without NameID); signed: "both" or "response"
    GET  /metadata      of itself
    GET|POST /sso       AuthnRequests
    POST /password      {email, password}, from its own page
    GET  /start?sp=…    a response that nobody asked for
    GET|POST /slo       logout messages
    GET  /out           starts logout at every service provider that was entered
    GET  /seen          {requests: [{id, force, passive, signed, format, relay_state}], refused: [why], ended}

LINTEL_PEER (JSON): {name, port, key, certificate, password, people: {email: {uid, given_name, groups, amr}}}.
"""

import functools
import json
import sys
import tempfile
import uuid
from pathlib import Path

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, entity
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import (
    NAME_FORMAT_BASIC,
    NAMEID_FORMAT_EMAILADDRESS,
    NAMEID_FORMAT_PERSISTENT,
    NAMEID_FORMAT_TRANSIENT,
    NameID,
)
from saml2.s_utils import error_status_factory
from saml2.samlp import STATUS_NO_PASSIVE, STATUS_RESPONDER
from saml2.server import Server
from saml2.sigver import pre_encryption_part, verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

sys.path.append(str(Path(__file__).parents[1]))
from handler import Handler, base, listen, page, part, settings  # noqa: E402

BINDINGS = {"GET": BINDING_HTTP_REDIRECT, "POST": BINDING_HTTP_POST}
AES256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"

# It encrypts by 3DES unless told otherwise; its settings have no place for that.
entity.pre_encryption_part = functools.partial(pre_encryption_part, msg_enc=AES256_GCM)


class Provider:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lintel-pysaml2-idp-", dir=settings.get("folder")))
        for name in ("key", "certificate"):
            (self.folder / name).write_text(settings[name])
        self.agreed = {"metadata": []}
        self.seen = {"requests": [], "refused": Handler.refused, "ended": 0}
        self.sessions, self.asked = {}, {}
        self.server = self.library()

    def library(self):
        config = {
            "entityid": f"{base}/metadata",
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": str(self.folder / "key"),
            "cert_file": str(self.folder / "certificate"),
            "metadata": {"inline": self.agreed["metadata"]} if self.agreed["metadata"] else {},
            "service": {
                "idp": {
                    "signing_algorithm": SIG_RSA_SHA256,
                    "digest_algorithm": DIGEST_SHA256,
                    "endpoints": {
                        "single_sign_on_service": [(f"{base}/sso", BINDING_HTTP_REDIRECT), (f"{base}/sso", BINDING_HTTP_POST)],
                        "single_logout_service": [(f"{base}/slo", BINDING_HTTP_REDIRECT), (f"{base}/slo", BINDING_HTTP_POST)],
                    },
                    "want_authn_requests_signed": True,
                    "logout_requests_signed": True,
                    "logout_responses_signed": True,
                    "name_id_format": [NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT],
                    "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None, "name_form": NAME_FORMAT_BASIC}},
                }
            },
        }
        server = Server(config=IdPConfig().load(config))
        server.sec.encrypt_assertion = functools.partial(server.sec.encrypt_assertion, key_type="aes-256")
        return server

    def metadata(self):
        return str(entity_descriptor(self.server.config))

    def configure(self, agreed):
        self.agreed = agreed
        self.server = self.library()

    def request(self, method, fields):
        signed = {"sigalg": fields.get("SigAlg"), "signature": fields.get("Signature"), "relay_state": fields.get("RelayState")}
        read = self.server.parse_authn_request(fields["SAMLRequest"], BINDINGS[method], **signed)
        message = read.message
        self.seen["requests"].append(
            {
                "id": message.id,
                "force": message.force_authn == "true",
                "passive": message.is_passive == "true",
                "format": message.name_id_policy.format if message.name_id_policy else None,
                "relay_state": fields.get("RelayState", ""),
                "binding": method,
            }
        )
        how = self.server.response_args(message, [BINDING_HTTP_POST])
        return message, how

    def name_id(self, session, sp, policy):
        wanted = policy.format if policy is not None else None
        formats = {"email": NAMEID_FORMAT_EMAILADDRESS, "persistent": NAMEID_FORMAT_PERSISTENT}
        chosen = formats.get(self.agreed.get("subject", "email"), NAMEID_FORMAT_TRANSIENT)
        if wanted in (NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT):
            chosen = wanted
        person = settings["people"][session["email"]]
        text = {NAMEID_FORMAT_EMAILADDRESS: session["email"], NAMEID_FORMAT_PERSISTENT: person["uid"]}.get(chosen, uuid.uuid4().hex)
        session["names"][sp] = NameID(format=chosen, text=text, sp_name_qualifier=sp)
        return session["names"][sp]

    def response(self, session, how, relay_state):
        sp = how["sp_entity_id"]
        person = settings["people"][session["email"]]
        identity = {
            # Names that no map of pysaml2's knows: they go as they are.
            "initech-mail": session["email"],
            "initech-name": person["given_name"],
            "initech-id": person["uid"],
            "groups": person["groups"],
        }
        name = self.name_id(session, sp, how.pop("name_id_policy", None))
        how.pop("binding", None)
        response = self.server.create_authn_response(
            identity,
            name_id=name,
            authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": f"{base}/password"},
            sign_response=True,
            sign_assertion=self.agreed.get("signed", "both") == "both",
            encrypt_assertion=bool(self.agreed.get("encrypted")),
            **how,
        )
        return self.post(response, how["destination"], relay_state)

    def post(self, response, to, relay_state):
        how = self.server.apply_binding(BINDING_HTTP_POST, str(response), to, relay_state, response=True)
        return {"html": how["data"]}

    def refuse_passive(self, how, relay_state):
        status = error_status_factory((STATUS_NO_PASSIVE, "nobody is signed in"))
        response = self.server.create_error_response(
            how["in_response_to"], how["destination"], (STATUS_NO_PASSIVE, str(status.status_message.text)), sign=True
        )
        return self.post(response, how["destination"], relay_state)

    def verified(self, sp, fields):
        return "Signature" in fields and any(
            verify_redirect_signature(dict(fields), self.server.sec.sec_backend, certificate)
            for _, certificate in self.server.metadata.certs(sp, "any", "signing")
        )

    def logout(self, method, fields):
        """Answers a message; the names that ended, or what comes next of a logout that began here."""
        binding = BINDINGS[method]
        if "SAMLResponse" in fields:
            response = self.server.parse_logout_request_response(fields["SAMLResponse"], binding)
            sp = response.response.issuer.text
            if self.asked.pop(response.in_response_to, None) != sp:
                raise ValueError("InResponseTo")
            if method == "GET" and not self.verified(sp, fields):
                raise ValueError("the signature of the redirect")
            return {"html": page("Signed out", part("out", str(response.status_ok())))}
        signed = {"sigalg": fields.get("SigAlg"), "signature": fields.get("Signature"), "relay_state": fields.get("RelayState")}
        read = self.server.parse_logout_request(fields["SAMLRequest"], binding, **signed)
        sp = read.message.issuer.text
        for ident, session in list(self.sessions.items()):
            if sp in session["names"] and session["names"][sp].text == read.message.name_id.text:
                self.sessions.pop(ident)
                self.seen["ended"] += 1
        how = self.server.response_args(read.message, [binding, *BINDINGS.values()])
        post = how["binding"] == BINDING_HTTP_POST
        response = self.server.create_logout_response(read.message, [how["binding"]], sign=post)
        return self.sent(how["binding"], response, how["destination"], fields.get("RelayState", ""), True)

    def sent(self, binding, message, to, relay_state, response):
        post = binding == BINDING_HTTP_POST
        how = self.server.apply_binding(
            binding, str(message), to, relay_state, response=response, sign=not post, sigalg=SIG_RSA_SHA256
        )
        location = dict(how["headers"]).get("Location")
        return {"location": location} if location else {"html": how["data"]}

    def leave(self, session):
        sp, name = next(iter(session["names"].items()))
        binding, to = self.server.pick_binding("single_logout_service", [*BINDINGS.values()], "spsso", entity_id=sp)
        request, message = self.server.create_logout_request(to, sp, name_id=name, sign=binding == BINDING_HTTP_POST)
        self.asked[request] = sp
        return self.sent(binding, message, to, "", False)


SIGN_IN = """<form method=post action=/password><input type=hidden name=then value="{then}">
<input type=email name=email> <input type=password name=password> <button type=submit>Sign in</button></form>"""

provider = Provider()
waiting = {}


class Pages(Handler):
    def session(self):
        return provider.sessions.get(self.cookie("idp"))

    def sign_in(self, then):
        key = str(uuid.uuid4())
        waiting[key] = then
        self.send(page("Sign in", SIGN_IN.format(then=key)))

    def single_sign_on(self, fields):
        message, how = provider.request(self.command, fields)
        relay_state, session = fields.get("RelayState", ""), self.session()
        if session and message.force_authn != "true":
            return self.go(provider.response(session, how, relay_state))
        if message.is_passive == "true":
            return self.go(provider.refuse_passive(how, relay_state))
        return self.sign_in(lambda session: provider.response(session, how, relay_state))

    def password(self, fields):
        if fields.get("email") not in settings["people"] or fields.get("password") != settings["password"]:
            return self.send(page("Wrong"), status=403)
        ident = str(uuid.uuid4())
        provider.sessions[ident] = session = {"email": fields["email"], "names": {}}
        return self.go(waiting.pop(fields["then"])(session), [("set-cookie", f"idp={ident}; Path=/; HttpOnly; SameSite=Lax")])

    def start(self, fields):
        services = provider.server.metadata.assertion_consumer_service(fields["sp"], BINDING_HTTP_POST)
        how = {"in_response_to": None, "destination": services[0]["location"], "sp_entity_id": fields["sp"]}
        go = lambda session: provider.response(session, dict(how), fields.get("relay", ""))
        return self.go(go(self.session())) if self.session() else self.sign_in(go)

    def route(self, asked, fields, body, query):
        match asked:
            case "PUT /peers":
                provider.configure(json.loads(body))
                self.send()
            case "GET /metadata":
                self.send(provider.metadata(), kind="application/samlmetadata+xml")
            case "GET /sso" | "POST /sso":
                self.single_sign_on(fields)
            case "POST /password":
                self.password(fields)
            case "GET /start":
                self.start(fields)
            case "GET /slo" | "POST /slo":
                self.go(provider.logout(self.command, fields))
            case "GET /out":
                session = self.session()
                self.go(provider.leave(session) if session and session["names"] else {"html": page("Signed out", part("out", ""))})
            case "GET /seen":
                self.send(json.dumps(provider.seen), kind="application/json")
            case _:
                self.send(status=404)


listen(Pages)
