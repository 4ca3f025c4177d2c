// What the benchmark measures beside Lintel: a JavaScript worker that verifies the same token and tells the same by SAML, with samlify or with
// xml-crypto alone, under nodejs_compat. GET /{samlify|xml-crypto}?signatures=2&conversions=100 answers the last response. Bindings: TOKEN, JWKS, CLAIMS
// (who may see what the token says), PRIVATE_KEY and CERTIFICATE (PEM), AUDIENCE, ACS, ISSUER.

import { createPrivateKey, randomBytes } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import * as samlify from 'samlify';
import { SignedXml } from 'xml-crypto';

const MINUTES = 5 * 60_000;
const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
const PASSWORD = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';
const EMAIL = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const UNSPECIFIED = 'urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

const freshId = () => `_${randomBytes(20).toString('hex')}`;
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function attributeStatement(attributes) {
  const value = (text) => `<saml:AttributeValue>${escape(text)}</saml:AttributeValue>`;
  const attribute = ([name, values]) => `<saml:Attribute Name="${escape(name)}" NameFormat="${UNSPECIFIED}">${values.map(value).join('')}</saml:Attribute>`;
  return `<saml:AttributeStatement>${Object.entries(attributes).map(attribute).join('')}</saml:AttributeStatement>`;
}

const authnStatement = (now, index) =>
  `<saml:AuthnStatement AuthnInstant="${now}" SessionIndex="${index}"><saml:AuthnContext><saml:AuthnContextClassRef>${PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`;

/** Template and two signatures, as one writes it who knows the standard and wants it fast. */
function byXmlCrypto({ PRIVATE_KEY, CERTIFICATE, AUDIENCE, ACS, ISSUER }) {
  const key = createPrivateKey(PRIVATE_KEY);
  const sign = (xml, element) => {
    const signed = new SignedXml({ privateKey: key, publicCert: CERTIFICATE, signatureAlgorithm: RSA_SHA256, canonicalizationAlgorithm: EXCLUSIVE });
    const digestAlgorithm = 'http://www.w3.org/2001/04/xmlenc#sha256';
    const transforms = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', EXCLUSIVE];
    signed.addReference({ xpath: element, digestAlgorithm, transforms });
    signed.computeSignature(xml, { prefix: 'ds', location: { reference: `${element}/*[local-name(.)='Issuer']`, action: 'after' } });
    return signed.getSignedXml();
  };
  return (email, attributes, signatures) => {
    const [now, end] = [0, MINUTES].map((later) => new Date(Date.now() + later).toISOString());
    let xml = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${freshId()}" Version="2.0" IssueInstant="${now}" Destination="${escape(ACS)}"><saml:Issuer>${escape(ISSUER)}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="${freshId()}" Version="2.0" IssueInstant="${now}"><saml:Issuer>${escape(ISSUER)}</saml:Issuer><saml:Subject><saml:NameID Format="${EMAIL}">${escape(email)}</saml:NameID><saml:SubjectConfirmation Method="${BEARER}"><saml:SubjectConfirmationData NotOnOrAfter="${end}" Recipient="${escape(ACS)}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${now}" NotOnOrAfter="${end}"><saml:AudienceRestriction><saml:Audience>${escape(AUDIENCE)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>${authnStatement(now, freshId())}${attributeStatement(attributes)}</saml:Assertion></samlp:Response>`;
    xml = sign(xml, "/*[local-name(.)='Response']/*[local-name(.)='Assertion']");
    if (signatures === 2) xml = sign(xml, "/*[local-name(.)='Response']");
    return Buffer.from(xml).toString('base64');
  };
}

/** As its documentation shows it, with its own template. */
function bySamlify({ PRIVATE_KEY, CERTIFICATE, AUDIENCE, ACS, ISSUER }) {
  const idp = samlify.IdentityProvider({
    entityID: ISSUER,
    signingCert: CERTIFICATE,
    privateKey: PRIVATE_KEY,
    requestSignatureAlgorithm: RSA_SHA256,
    nameIDFormat: [EMAIL],
    singleSignOnService: [{ Binding: POST, Location: ISSUER }],
    loginResponseTemplate: { context: samlify.SamlLib.defaultLoginResponseTemplate.context, attributes: [] },
  });
  const peer = (wantMessageSigned) =>
    samlify.ServiceProvider({ entityID: AUDIENCE, wantAssertionsSigned: true, wantMessageSigned, assertionConsumerService: [{ Binding: POST, Location: ACS }] });
  const peers = { 1: peer(false), 2: peer(true) };
  return async (email, attributes, signatures) => {
    const [now, end] = [0, MINUTES].map((later) => new Date(Date.now() + later).toISOString());
    const fill = (template) => {
      const id = freshId();
      const values = {
        ID: id, AssertionID: freshId(), Destination: ACS, Audience: AUDIENCE, SubjectRecipient: ACS, Issuer: ISSUER, IssueInstant: now,
        StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success', ConditionsNotBefore: now, ConditionsNotOnOrAfter: end,
        SubjectConfirmationDataNotOnOrAfter: end, NameIDFormat: EMAIL, NameID: email, InResponseTo: null,
      };
      // Values are escaped, elements are not: these two go in first.
      const whole = template.replace('{AuthnStatement}', authnStatement(now, freshId())).replace('{AttributeStatement}', attributeStatement(attributes));
      return { id, context: samlify.SamlLib.replaceTagsByValue(whole, values) };
    };
    const { context } = await idp.createLoginResponse(peers[signatures], { extract: {} }, 'post', { email }, { customTagReplacement: fill });
    return context;
  };
}

let made;

export default {
  async fetch(request, env) {
    made ??= { samlify: bySamlify(env), 'xml-crypto': byXmlCrypto(env), jwks: createLocalJWKSet(JSON.parse(env.JWKS)), claims: JSON.parse(env.CLAIMS) };
    const url = new URL(request.url);
    const [signatures, conversions] = ['signatures', 'conversions'].map((name) => Number(url.searchParams.get(name)));
    const convert = made[url.pathname.slice(1)];
    let response = '';
    for (let n = 0; n < conversions; n++) {
      const { payload } = await jwtVerify(env.TOKEN, made.jwks, { algorithms: ['RS256'] });
      response = await convert(payload.email, made.claims, signatures);
    }
    return new Response(response);
  },
};
