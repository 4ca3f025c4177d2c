"""A service provider by python3-saml: strict, everything signed, encrypted where agreed, the schemas, SHA-256 alone."""

import base64
import re

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.constants import OneLogin_Saml2_Constants as C
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request as Request
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils as Utils

from server import serve, settings, urls

SHA256 = {"signatureAlgorithm": C.RSA_SHA256, "digestAlgorithm": C.SHA256}


class Peer:
    def __init__(self):
        self.idp, self.agreed, self.asked, self.used = {}, {}, set(), set()

    def settings(self, **security):
        own = {
            "entityId": urls["entity"],
            "assertionConsumerService": {"url": urls["acs"], "binding": C.BINDING_HTTP_POST},
            "singleLogoutService": {"url": urls["slo"], "binding": C.BINDING_HTTP_REDIRECT},
            "NameIDFormat": C.NAMEID_UNSPECIFIED,
            # It has one key for everything.
            "x509cert": settings["encryption_certificate"],
            "privateKey": settings["encryption_key"],
        }
        return {
            "strict": True,
            "sp": own,
            "idp": self.idp,
            "security": {
                "authnRequestsSigned": True,
                "logoutRequestSigned": True,
                "logoutResponseSigned": True,
                "signMetadata": True,
                "wantMessagesSigned": True,
                "wantAssertionsSigned": True,
                "wantAssertionsEncrypted": bool(self.agreed.get("encrypted")),
                "wantNameId": True,
                "wantAttributeStatement": False,
                "requestedAuthnContext": False,
                "rejectUnsolicitedResponsesWithInResponseTo": True,
                "rejectDeprecatedAlgorithm": True,
                **SHA256,
                **security,
            },
        }

    def library(self, fields=None, post=None, query="", **security):
        request = {
            "https": "off",
            "http_host": f"127.0.0.1:{settings['port']}",
            "script_name": "/acs" if post is not None else "/slo",
            "get_data": fields or {},
            "post_data": post or {},
            "query_string": query,
            "validate_signature_from_qs": True,
        }
        return OneLogin_Saml2_Auth(request, self.settings(**security))

    def metadata(self):
        # Without an identity provider yet: what it says of itself does not depend on one.
        whole = OneLogin_Saml2_Settings(self.settings(wantAssertionsEncrypted=True), sp_validation_only=True)
        text = whole.get_sp_metadata()
        return text if isinstance(text, str) else text.decode()

    def configure(self, idp):
        parsed = OneLogin_Saml2_IdPMetadataParser.parse(idp["metadata"], required_sso_binding=C.BINDING_HTTP_REDIRECT)
        self.idp, self.agreed = parsed["idp"], idp

    def ask(self, options):
        library = self.library(authnRequestsSigned=not options.get("unsigned"))
        location = library.login(
            return_to=options.get("relay", ""), force_authn=bool(options.get("force")), is_passive=bool(options.get("passive"))
        )
        self.asked.add(library.get_last_request_id())
        return {"location": location}

    def accept(self, fields):
        library = self.library(post=fields)
        claimed = re.search(rb'<(?:\w+:)?Response\b[^>]*\bInResponseTo="([^"]*)"', base64.b64decode(fields["SAMLResponse"]))
        request = claimed and claimed[1].decode()
        if request is None and not self.agreed.get("unsolicited"):
            raise ValueError("nobody asked for this")
        if request is not None and request not in self.asked:
            raise ValueError("InResponseTo")
        library.process_response(request_id=request)
        if library.get_errors():
            raise ValueError(f"{library.get_errors()}: {library.get_last_error_reason()}")
        if library.get_last_assertion_id() in self.used:
            raise ValueError("seen before")
        self.asked.discard(request)
        self.used.add(library.get_last_assertion_id())
        return {
            "name_id": library.get_nameid(),
            "name_id_format": library.get_nameid_format(),
            "session_index": library.get_session_index(),
            "in_response_to": library.get_last_response_in_response_to(),
            "attributes": library.get_attributes(),
            "friendly": library.get_friendlyname_attributes(),
        }

    def leave(self, person, relay):
        library = self.library()
        location = library.logout(
            return_to=relay,
            name_id=person["name_id"],
            session_index=person["session_index"],
            name_id_format=person["name_id_format"],
        )
        self.asked.add(library.get_last_request_id())
        return {"location": location}

    def told(self, message):
        if message.binding != "redirect" or "Signature" not in message.fields:
            raise ValueError("logout comes signed and by redirect")
        library = self.library(fields=message.fields, query=message.query)
        person = {}
        if "SAMLRequest" in message.fields:
            text = Utils.decode_base64_and_inflate(message.fields["SAMLRequest"])
            indexes = Request.get_session_indexes(text)
            person = {"name_id": Request.get_nameid(text, settings["encryption_key"]), "session_index": indexes[0] if indexes else None}
        location = library.process_slo(keep_local_session=True)
        if library.get_errors():
            raise ValueError(f"{library.get_errors()}: {library.get_last_error_reason()}")
        return person, (lambda: {"location": location}) if "SAMLRequest" in message.fields else None


serve(Peer())
