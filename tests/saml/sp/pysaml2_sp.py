"""A service provider by pysaml2: both signatures, signed requests and logout, encryption, the schemas, SHA-256 alone."""

import base64
import tempfile
from pathlib import Path

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NameID
from saml2.sigver import verify_redirect_signature
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

from server import serve, settings, urls

BINDINGS = {"redirect": BINDING_HTTP_REDIRECT, "post": BINDING_HTTP_POST}


class Peer:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lintel-pysaml2-", dir=settings.get("folder")))
        for name in ("key", "certificate", "encryption_key", "encryption_certificate"):
            (self.folder / name).write_text(settings[name])
        self.outstanding, self.used, self.agreed = {}, set(), {}
        self.client = None

    def config(self, metadata=None, **more):
        pair = {"key_file": str(self.folder / "encryption_key"), "cert_file": str(self.folder / "encryption_certificate")}
        return SPConfig().load(
            {
                "entityid": urls["entity"],
                "xmlsec_binary": "/usr/bin/xmlsec1",
                "key_file": str(self.folder / "key"),
                "cert_file": str(self.folder / "certificate"),
                "encryption_keypairs": [pair],
                "metadata": {"inline": [metadata]} if metadata else {},
                "allow_unknown_attributes": True,
                "accepted_time_diff": 1,
                "service": {
                    "sp": {
                        "signing_algorithm": SIG_RSA_SHA256,
                        "digest_algorithm": DIGEST_SHA256,
                        "endpoints": {
                            "assertion_consumer_service": [(urls["acs"], BINDING_HTTP_POST)],
                            "single_logout_service": [(urls["slo"], BINDING_HTTP_POST), (urls["slo"], BINDING_HTTP_REDIRECT)],
                        },
                        "authn_requests_signed": True,
                        "logout_requests_signed": True,
                        "logout_responses_signed": True,
                        "want_response_signed": True,
                        "want_assertions_signed": True,
                        "want_assertions_or_response_signed": True,
                        "allow_unsolicited": bool(self.agreed.get("unsolicited")),
                        "force_authn": False,
                    }
                },
                **more,
            }
        )

    def metadata(self):
        return str(entity_descriptor(self.config()))

    def configure(self, idp):
        self.agreed = idp
        self.client = Saml2Client(config=self.config(idp["metadata"]))
        (self.entity,) = self.client.metadata.identity_providers()

    def ask(self, options):
        binding = BINDINGS[options.get("binding", "redirect")]
        # Told as texts: python's booleans would not be XML's.
        more = {f"{name}": "true" for name, key in (("force_authn", "force"), ("is_passive", "passive")) if options.get(key)}
        request, how = self.client.prepare_for_authenticate(
            self.entity,
            relay_state=options.get("relay", ""),
            binding=binding,
            response_binding=BINDING_HTTP_POST,
            nameid_format=options.get("format"),
            sign=not options.get("unsigned"),
            **more,
        )
        self.outstanding[request] = "/"
        return self.sent(how)

    @staticmethod
    def sent(how):
        location = dict(how["headers"]).get("Location")
        if location:
            return {"location": location}
        data = how["data"]
        return {"html": data if isinstance(data, str) else "".join(data)}

    def accept(self, fields):
        text = base64.b64decode(fields["SAMLResponse"]).decode()
        if ("EncryptedAssertion" in text) != bool(self.agreed.get("encrypted")) and "Assertion " in text:
            raise ValueError("encryption is not as agreed")
        response = self.client.parse_authn_request_response(fields["SAMLResponse"], BINDING_HTTP_POST, self.outstanding)
        if response is None or response.assertion is None:
            raise ValueError("no assertion")
        if response.assertion.id in self.used:
            raise ValueError("seen before")
        self.used.add(response.assertion.id)
        self.outstanding.pop(response.in_response_to, None)
        info = response.session_info()
        name = response.name_id
        return {
            "name_id": name.text,
            "name_id_format": name.format,
            "session_index": info["session_index"],
            "in_response_to": response.in_response_to,
            "attributes": {
                attribute.name: [value.text for value in attribute.attribute_value]
                for statement in response.assertion.attribute_statement
                for attribute in statement.attribute
            },
            "friendly": {
                attribute.friendly_name: attribute.name
                for statement in response.assertion.attribute_statement
                for attribute in statement.attribute
                if attribute.friendly_name
            },
            "authn_context": [context for context, *_ in info["authn_info"]],
            "name": str(name),
        }

    def leave(self, person, relay):
        name = NameID(text=person["name_id"], format=person["name_id_format"])
        (service,) = self.client.metadata.single_logout_service(self.entity, BINDING_HTTP_REDIRECT, "idpsso")
        request, message = self.client.create_logout_request(
            service["location"], self.entity, name_id=name, session_indexes=[person["session_index"]], sign=False
        )
        self.outstanding[request] = "/"
        how = self.client.apply_binding(
            BINDING_HTTP_REDIRECT, str(message), service["location"], relay, sign=True, sigalg=SIG_RSA_SHA256
        )
        return self.sent(how)

    def verified(self, fields):
        """pysaml2 leaves signatures of redirects to a service provider to its user."""
        certificates = self.client.metadata.certs(self.entity, "any", "signing")
        return any(
            verify_redirect_signature(dict(fields), self.client.sec.sec_backend, certificate) for _, certificate in certificates
        )

    def told(self, message):
        binding, fields = BINDINGS[message.binding], message.fields
        if message.binding == "redirect" and not ("Signature" in fields and self.verified(fields)):
            raise ValueError("the signature of the redirect")
        if "SAMLResponse" in fields:
            response = self.client.parse_logout_request_response(fields["SAMLResponse"], binding)
            if not response.status_ok():
                raise ValueError("not signed out")
            if self.outstanding.pop(response.in_response_to, None) is None:
                raise ValueError("InResponseTo")
            return {}, None
        request = self.client.parse_logout_request(fields["SAMLRequest"], binding)
        if request.message.issuer.text != self.entity:
            raise ValueError("not from whom it should be")
        if message.binding == "post" and request.message.signature is None:
            raise ValueError("not signed")
        indexes = request.message.session_index
        person = {"name_id": request.message.name_id.text, "session_index": indexes[0].text if indexes else None}

        def answer():
            post = message.binding == "post"
            response = self.client.create_logout_response(request.message, [binding], sign=post)
            to = self.client.response_args(request.message, [binding])["destination"]
            how = self.client.apply_binding(
                binding, str(response), to, fields.get("RelayState", ""), response=True, sign=not post, sigalg=SIG_RSA_SHA256
            )
            return self.sent(how)

        return person, answer


serve(Peer())
