"""Verifies or signs the assertion of a response: what to do, XML, key, certificate."""

from lxml import etree
from lines import answer
from signxml import XMLSigner, XMLVerifier
from signxml.exceptions import SignXMLException

SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def both_ways(what, xml, key, certificate):
    root = etree.fromstring(xml)
    assertion = root.find(SAML + "Assertion")
    if what == b"verify":
        try:
            signed = XMLVerifier().verify(assertion, x509_cert=certificate.decode(), id_attribute="ID")
            return b"accepted", signed.signed_xml.get("ID").encode()
        except SignXMLException as error:
            return b"refused", str(error).encode()
    place = etree.Element(DS + "Signature", nsmap={"ds": DS[1:-1]}, Id="placeholder")
    assertion.insert(1, place)  # Behind the issuer, where the schema has it.
    signer = XMLSigner(c14n_algorithm=EXCLUSIVE)
    signed = signer.sign(assertion, key=key, cert=certificate, reference_uri=assertion.get("ID"), id_attribute="ID")
    root.replace(assertion, signed)
    return b"signed", etree.tostring(root)


answer(both_ways)
