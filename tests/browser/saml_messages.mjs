// Every message and metadata file that the suite made us write: valid by the OASIS schemas, and every signature accepted by others:
// xmlsec1 for those in XML, Node for those of addresses. Encrypted assertions are decrypted by xmlsec1 first.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { ourMetadata, peers } from './saml.mjs';
import { messages, world } from './world.mjs';

const SCHEMAS = '/usr/share/xml/opensaml';
// The schemas name each other by addresses on the web; they stand in Debian's packages.
const rewrites = ['xmldsig-core-20020212', 'xmlenc-core-20021210'].map((name) => {
  const [from, to] = [`http://www.w3.org/TR/2002/REC-${name}/`, 'file:///usr/share/xml/xmltooling/'];
  return `<rewriteSystem systemIdStartString="${from}" rewritePrefix="${to}"/><rewriteURI uriStartString="${from}" rewritePrefix="${to}"/>`;
});
const XML_XSD = '<system systemId="http://www.w3.org/2001/xml.xsd" uri="file:///usr/share/xml/xmltooling/xml.xsd"/>';
const CATALOG = `<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">${rewrites.join('')}${XML_XSD}</catalog>`;

const IDS = [
  ['assertion', 'Assertion'],
  ...['Response', 'AuthnRequest', 'LogoutRequest', 'LogoutResponse'].map((name) => ['protocol', name]),
  ['metadata', 'EntityDescriptor'],
].flatMap(([space, name]) => ['--id-attr:ID', `urn:oasis:names:tc:SAML:2.0:${space}:${name}`]);

const folder = await mkdtemp(path.join(tmpdir(), 'lintel-saml-'));
const at = (name) => path.join(folder, name);

function run(program, ...parameters) {
  const env = { ...process.env, XML_CATALOG_FILES: at('catalog.xml') };
  return new Promise((resolve) => {
    execFile(program, parameters, { env, cwd: folder }, (error, out, err) => {
      resolve({ well: !error, told: `${out}${err}${error?.code === 'ENOENT' ? error : ''}` });
    });
  });
}

const pem = (base64) => `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`;
const certificates = new Set();

const files = { protocol: [], metadata: [], assertion: [] };

/** To be validated with all others: reading a schema takes longer than a message. */
async function isToBeValid(schema, xml) {
  const name = `${schema}-${files[schema].length}.xml`;
  await writeFile(at(name), xml);
  files[schema].push(name);
}

async function allAreValid() {
  for (const [schema, names] of Object.entries(files)) {
    if (!names.length) continue;
    const { well, told } = await run('xmllint', '--nonet', '--noout', '--schema', `${SCHEMAS}/saml-schema-${schema}-2.0.xsd`, ...names);
    const first = /^(\S+\.xml)(?=.*(error|fails))/m.exec(told)?.[1];
    assert.ok(well, `${told.slice(0, 3000)}\n${first && (await readFile(at(first), 'utf8'))}`);
  }
}

// An element whose first child, but for an Issuer, is a signature.
const SIGNED = /<(?:\w+:)?(\w+)\b[^>]*>\s*(?:<(?:\w+:)?Issuer\b[^>]*>[^<]*<\/(?:\w+:)?Issuer>\s*)?<(?:\w+:)?Signature\b/g;

/** Which elements are signed; each signature is by a key of ours. */
async function signatures(xml) {
  const signed = [...xml.matchAll(SIGNED)].map(([, name]) => name);
  assert.equal(signed.length, (xml.match(/<(?:\w+:)?SignatureValue\b/g) ?? []).length, xml);
  await writeFile(at('file.xml'), xml);
  for (const parent of signed) {
    const where = ['--node-xpath', `//*[local-name()='${parent}']/*[local-name()='Signature']`, 'file.xml'];
    // The one that it names is tried first; it counts only because we know it.
    const [, named] = new RegExp(`<(?:\\w+:)?${parent}\\b[\\s\\S]*?<(?:\\w+:)?X509Certificate>([^<]*)`).exec(xml) ?? [];
    const likely = [...certificates].sort((a, b) => (b === named) - (a === named));
    let last;
    for (const certificate of likely) {
      await writeFile(at('key.pem'), pem(certificate));
      last = await run('xmlsec1', '--verify', '--pubkey-cert-pem', 'key.pem', '--enabled-key-data', 'raw-x509-cert', ...IDS, ...where);
      if (last.well) break;
    }
    assert.ok(last?.well, `${parent}: ${last?.told}\n${xml}`);
  }
  // What RSA-OAEP hashes with is another matter.
  assert.doesNotMatch(xml.replace(/<((?:\w+:)?)EncryptedData\b[\s\S]*?<\/\1EncryptedData>/g, ''), /xmldsig#(rsa-)?sha1"/, 'no SHA-1');
  return signed;
}

/** The signature of an address, over its octets as they went. */
function redirectIsSigned(query) {
  const parts = Object.fromEntries(query.split('&').map((part) => [part.slice(0, part.indexOf('=')), part]));
  const value = (name) => decodeURIComponent(parts[name].slice(name.length + 1));
  assert.equal(value('SigAlg'), 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256');
  const message = parts.SAMLRequest ?? parts.SAMLResponse;
  const octets = [message, parts.RelayState, parts.SigAlg].filter(Boolean).join('&');
  const signature = Buffer.from(value('Signature'), 'base64');
  const by = [...certificates].some((certificate) => verify('sha256', Buffer.from(octets), createPublicKey(pem(certificate)), signature));
  assert.ok(by, `nobody's signature: ${query}`);
}

async function decrypted(xml, { encryption_key: key }) {
  await writeFile(at('file.xml'), xml);
  await writeFile(at('decrypt.pem'), key);
  const { well, told } = await run('xmlsec1', '--decrypt', '--privkey-pem', 'decrypt.pem', '--output', 'plain.xml', 'file.xml');
  assert.ok(well, `${told}\n${xml}`);
  const plain = await readFile(at('plain.xml'), 'utf8');
  const [assertion] = /<((?:\w+:)?)Assertion\b[\s\S]*<\/\1Assertion>/.exec(plain);
  return assertion;
}

export async function everyMessageOfOursIsValidAndSigned() {
  const tools = ['/usr/bin/xmlsec1', '/usr/bin/xmllint', SCHEMAS].filter((file) => !existsSync(file));
  if (tools.length) {
    assert.ok(!process.env.CI, `missing: ${tools}`);
    console.log(`missing: ${tools} (\`make setup-test\`): this comparison is left out`);
    return;
  }
  await writeFile(at('catalog.xml'), CATALOG);
  for (const xml of ourMetadata) {
    for (const [, text] of xml.matchAll(/<(?:\w+:)?X509Certificate>([\s\S]*?)</g)) certificates.add(text.replace(/\s/g, ''));
  }
  for (const xml of new Set(ourMetadata)) {
    await isToBeValid('metadata', xml);
    assert.deepEqual(await signatures(xml), ['EntityDescriptor']);
  }
  const counted = {};
  // What goes to anybody but ourselves, we wrote.
  for (const { url, method, query } of messages.filter(({ url }) => new URL(url).origin !== world.team)) {
    const fields = new URLSearchParams(query);
    const raw = Buffer.from(fields.get('SAMLResponse') ?? fields.get('SAMLRequest'), 'base64');
    const xml = (method === 'GET' ? inflateRawSync(raw) : raw).toString();
    const [, kind] = /^(?:<\?[^>]*\?>)?\s*<(?:\w+:)?(\w+)/.exec(xml);
    await isToBeValid('protocol', xml);
    const signed = await signatures(xml);
    if (method === 'GET') redirectIsSigned(query);
    else assert.ok(signed.includes(kind), `${kind} is signed as a whole`);
    if (xml.includes('EncryptedAssertion')) {
      const peer = Object.values(peers).find((known) => url.startsWith(known.url));
      const assertion = await decrypted(xml, peer);
      assert.deepEqual(await signatures(assertion), ['Assertion']);
      await isToBeValid('assertion', assertion);
    } else if (kind === 'Response' && xml.includes('status:Success')) {
      assert.deepEqual(signed, ['Response', 'Assertion']);
    }
    const key = `${kind} by ${method}`;
    counted[key] = (counted[key] ?? 0) + 1;
  }
  await allAreValid();
  await rm(folder, { recursive: true });
  console.log(`      ${ourMetadata.length} metadata files; ${Object.entries(counted).map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
  assert.ok(ourMetadata.length && counted['Response by POST'], 'something was checked');
}
