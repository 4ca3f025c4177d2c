// A service provider by @node-saml/node-saml: both signatures, InResponseTo always, audience, issuer, encryption.

import { SAML, ValidateInResponseTo } from '@node-saml/node-saml';
import { inflateRawSync } from 'node:zlib';
import { form, serve, settings, urls } from './server.mjs';

let idp;
const asked = new Map();

// Requests that were sent, for every instance below.
const cacheProvider = {
  saveAsync: async (key, value) => (asked.set(key, value), { value, createdAt: Date.now() }),
  getAsync: async (key) => asked.get(key) ?? null,
  removeAsync: async (key) => (asked.delete(key) ? key : null),
};

const certificates = (metadata) => {
  const [, role] = /<(?:\w+:)?IDPSSODescriptor([\s\S]*)<\/(?:\w+:)?IDPSSODescriptor>/.exec(metadata);
  return [...role.matchAll(/<(?:\w+:)?X509Certificate>([\s\S]*?)</g)].map(([, text]) => text.replace(/\s/g, ''));
};

function location(metadata, service, binding) {
  const tags = metadata.match(new RegExp(`<(?:\\w+:)?${service}\\b[^>]*>`, 'g')) ?? [];
  const tag = tags.find((text) => text.includes(`bindings:${binding}"`));
  return /\bLocation="([^"]*)"/.exec(tag)?.[1].replaceAll('&amp;', '&');
}

function library(more = {}) {
  return new SAML({
    issuer: urls.entity,
    callbackUrl: urls.acs,
    logoutCallbackUrl: urls.slo,
    audience: urls.entity,
    entryPoint: idp?.sso,
    logoutUrl: idp?.slo,
    idpIssuer: idp?.entity,
    idpCert: idp?.certificates ?? 'none',
    privateKey: settings.key,
    publicCert: settings.certificate,
    decryptionPvk: settings.encryption_key,
    signatureAlgorithm: 'sha256',
    digestAlgorithm: 'sha256',
    wantAuthnResponseSigned: true,
    wantAssertionsSigned: true,
    validateInResponseTo: idp?.unsolicited ? ValidateInResponseTo.ifPresent : ValidateInResponseTo.always,
    acceptedClockSkewMs: 1000,
    maxAssertionAgeMs: 300_000,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    cacheProvider,
    ...more,
  });
}

const list = (value) => (value === undefined ? [] : [value].flat().map(String));

serve({
  metadata: () => library().generateServiceProviderMetadata(settings.encryption_certificate, settings.certificate),

  configure({ metadata, sso_endpoint: sso, idp_entity_id: entity, public_key: key, unsolicited, encrypted }) {
    // Where there is no metadata, by what the API answered: three fields, as an administrator pastes them.
    idp = metadata
      ? { sso: location(metadata, 'SingleSignOnService', 'HTTP-Redirect'), slo: location(metadata, 'SingleLogoutService', 'HTTP-Redirect'),
          post: location(metadata, 'SingleSignOnService', 'HTTP-POST'), entity: /entityID="([^"]*)"/.exec(metadata)[1],
          certificates: certificates(metadata) }
      : { sso, post: sso, slo: `${sso}/logout`, entity, certificates: [key] };
    Object.assign(idp, { unsolicited, encrypted });
  },

  async ask({ relay = '', binding = 'redirect', force, passive, unsigned, format }) {
    const saml = library({
      forceAuthn: Boolean(force),
      passive: Boolean(passive),
      identifierFormat: format ?? null,
      skipRequestCompression: binding === 'post',
      ...(binding === 'post' && { entryPoint: idp.post }),
      ...(unsigned && { privateKey: undefined }),
    });
    if (binding === 'redirect') return { location: await saml.getAuthorizeUrlAsync(relay, undefined, {}) };
    return form(idp.post, await saml.getAuthorizeMessageAsync(relay, undefined, {}));
  },

  async accept(fields) {
    const xml = Buffer.from(fields.SAMLResponse, 'base64').toString();
    // The library leaves Destination to its user.
    const destination = /^[^>]*?<(?:\w+:)?Response\b[^>]*\bDestination="([^"]*)"/.exec(xml.replace(/^<\?[^>]*>/, ''))?.[1];
    if (destination !== urls.acs) throw new Error(`not for us: Destination ${destination}`);
    if (/EncryptedAssertion/.test(xml) !== Boolean(idp.encrypted) && /Assertion\b/.test(xml)) throw new Error('encryption is not as agreed');
    const { profile } = await library().validatePostResponseAsync(fields);
    if (!profile) throw new Error('NoPassive');
    const attributes = Object.fromEntries(Object.entries(profile.attributes ?? {}).map(([name, value]) => [name, list(value)]));
    return {
      name_id: profile.nameID,
      name_id_format: profile.nameIDFormat ?? null,
      session_index: profile.sessionIndex ?? null,
      in_response_to: profile.inResponseTo ?? null,
      attributes,
    };
  },

  async leave(person, relay) {
    const user = { nameID: person.name_id, nameIDFormat: person.name_id_format, sessionIndex: person.session_index };
    return { location: await library().getLogoutUrlAsync(user, relay, {}) };
  },

  async told({ binding, fields, query }) {
    // The library takes a redirect without a signature, and looks for InResponseTo of a posted LogoutResponse in a Response.
    if (binding === 'redirect' && !fields.Signature) throw new Error('not signed');
    const raw = Buffer.from(fields.SAMLResponse ?? fields.SAMLRequest, 'base64');
    const xml = (binding === 'redirect' ? inflateRawSync(raw) : raw).toString();
    if (!xml.includes(`Destination="${urls.slo}"`)) throw new Error('not for us: Destination');
    if (fields.SAMLResponse) {
      if (!asked.delete(/\bInResponseTo="([^"]*)"/.exec(xml)?.[1])) throw new Error('InResponseTo');
      const saml = library({ validateInResponseTo: ValidateInResponseTo.ifPresent });
      if (binding === 'redirect') await saml.validateRedirectAsync(fields, query);
      else await saml.validatePostResponseAsync(fields);
      if (!xml.includes('Value="urn:oasis:names:tc:SAML:2.0:status:Success"')) throw new Error('not signed out');
      return {};
    }
    const saml = library();
    const { profile } = await (binding === 'redirect' ? saml.validateRedirectAsync(fields, query) : saml.validatePostRequestAsync(fields));
    return {
      person: { name_id: profile.nameID, session_index: profile.sessionIndex },
      answer: async () => ({ location: await saml.getLogoutResponseUrlAsync(profile, fields.RelayState ?? '', {}, true) }),
    };
  },
});
