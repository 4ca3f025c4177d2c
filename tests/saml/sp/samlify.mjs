// A service provider by samlify, with its schema validator: both signatures, audience, destination, InResponseTo, encryption.

import * as validator from '@authenio/samlify-node-xmllint';
import samlify from 'samlify';
import { form, serve, settings, urls } from './server.mjs';

const { Constants, IdentityProvider, SamlLib, ServiceProvider, setSchemaValidator } = samlify;
setSchemaValidator(validator);

const { namespace } = Constants;
const asked = new Set();
const used = new Set();
let agreed;
let idp;

const own = (more = {}) => ServiceProvider({
  entityID: urls.entity,
  authnRequestsSigned: true,
  wantAssertionsSigned: true,
  wantMessageSigned: true,
  wantLogoutRequestSigned: true,
  wantLogoutResponseSigned: true,
  signingCert: settings.certificate,
  privateKey: settings.key,
  encryptCert: settings.encryption_certificate,
  encPrivateKey: settings.encryption_key,
  requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  signatureConfig: { prefix: 'ds', location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' } },
  assertionConsumerService: [{ isDefault: true, Binding: namespace.binding.post, Location: urls.acs }],
  singleLogoutService: [
    { Binding: namespace.binding.redirect, Location: urls.slo },
    { Binding: namespace.binding.post, Location: urls.slo },
  ],
  ...more,
});
const sp = own();

const signature = /<((?:\w+:)?)Signature\b[\s\S]*?<\/\1Signature>/;
const one = (value, what) => {
  if (typeof value !== 'string') throw new Error(`not one ${what}: ${JSON.stringify(value)}`);
  return value;
};

serve({
  metadata: () => sp.getMetadata(),

  configure({ metadata, unsolicited, encrypted }) {
    agreed = { unsolicited, encrypted };
    idp = IdentityProvider({
      metadata,
      isAssertionEncrypted: Boolean(encrypted),
      // What it signs is said of who receives it.
      wantLogoutRequestSigned: true,
      wantLogoutResponseSigned: true,
      requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    });
  },

  ask({ relay = '', binding = 'redirect', force, passive, format }) {
    // It makes requests with IsPassive by a template of one's own.
    const asking = own(format ? { nameIDFormat: [format] } : {});
    const { id, context, entityEndpoint } = asking.createLoginRequest(idp, binding, { relayState: relay, forceAuthn: Boolean(force) });
    if (passive) throw new Error('samlify does not ask passively');
    asked.add(id);
    return binding === 'redirect' ? { location: context } : form(entityEndpoint, { SAMLRequest: context, ...(relay && { RelayState: relay }) });
  },

  async accept(fields) {
    const { extract } = await sp.parseLoginResponse(idp, 'post', { body: fields });
    const { response, audience, conditions } = extract;
    if (response.destination !== urls.acs) throw new Error(`not for us: Destination ${response.destination}`);
    if (one(audience, 'audience') !== urls.entity) throw new Error(`not for us: audience ${audience}`);
    if (!conditions?.notBefore || !conditions.notOnOrAfter) throw new Error('no conditions');
    if (response.inResponseTo ? !asked.delete(response.inResponseTo) : !agreed.unsolicited) throw new Error('InResponseTo');
    // It is content with one of two signatures. The response's own stands first: without it the assertion must still be signed.
    let xml = Buffer.from(fields.SAMLResponse, 'base64').toString();
    if (xml.includes('EncryptedAssertion') !== Boolean(agreed.encrypted)) throw new Error('encryption is not as agreed');
    if (agreed.encrypted) [xml] = await SamlLib.decryptAssertion(sp, xml);
    if ((xml.match(/<(?:\w+:)?SignatureValue\b/g) ?? []).length !== 2) throw new Error('not both are signed');
    const [verified] = SamlLib.verifySignature(xml.replace(signature, ''), {
      metadata: idp.entityMeta,
      signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    });
    if (!verified) throw new Error('the signature of the assertion');
    const [, id] = /<(?:\w+:)?Assertion\b[^>]*\bID="([^"]*)"/.exec(xml);
    if (used.has(id)) throw new Error('seen before');
    used.add(id);
    const attributes = Object.entries(extract.attributes ?? {}).map(([name, value]) => [name, [value].flat()]);
    return {
      name_id: one(extract.nameID, 'NameID'),
      name_id_format: /<(?:\w+:)?NameID\b[^>]*\bFormat="([^"]*)"/.exec(xml)?.[1] ?? null,
      session_index: extract.sessionIndex?.sessionIndex ?? null,
      in_response_to: response.inResponseTo ?? null,
      attributes: Object.fromEntries(attributes),
    };
  },

  leave(person, relay) {
    const user = { logoutNameID: person.name_id, sessionIndex: person.session_index };
    const { id, context } = sp.createLogoutRequest(idp, 'redirect', user, { relayState: relay });
    asked.add(id);
    return { location: context };
  },

  async told({ binding, fields, query }) {
    const octetString = query?.split('&').filter((part) => !part.startsWith('Signature=')).join('&');
    const request = binding === 'redirect' ? { query: fields, octetString } : { body: fields };
    if (fields.SAMLResponse) {
      const { extract } = await sp.parseLogoutResponse(idp, binding, request);
      if (!asked.delete(extract.response.inResponseTo)) throw new Error('InResponseTo');
      return {};
    }
    const info = await sp.parseLogoutRequest(idp, binding, request);
    if (info.extract.request.destination !== urls.slo) throw new Error('not for us: Destination');
    if (info.extract.issuer !== idp.entityMeta.getEntityID()) throw new Error('not from whom it should be');
    return {
      person: { name_id: info.extract.nameID, session_index: info.extract.sessionIndex },
      answer: () => {
        const { context, entityEndpoint } = sp.createLogoutResponse(idp, info, binding, { relayState: fields.RelayState ?? '' });
        if (binding === 'redirect') return { location: context };
        return form(entityEndpoint, { SAMLResponse: context, ...(fields.RelayState && { RelayState: fields.RelayState }) });
      },
    };
  },
});
