// Keys and names of ours, and how they change.

import assert from 'node:assert/strict';
import { applications, ask, change, enter, entersAs, introduce, metadata, names, ourMetadata, restore } from './saml.mjs';
import { api, person, until } from './world.mjs';

const certificates = (xml) => [...xml.matchAll(/<(?:\w+:)?X509Certificate>([\s\S]*?)</g)].map(([, text]) => text.replace(/\s/g, ''));

const OWN = /<((?:\w+:)?)Signature\b[\s\S]*?<\/\1Signature>/;

/** Our metadata now: the certificates of its key descriptors, and the one that signs. */
async function now({ saas }) {
  const { text } = await ask(`${saas.sso_endpoint}/saml-metadata`);
  if (!ourMetadata.includes(text)) ourMetadata.push(text);
  return { described: certificates(text.replace(OWN, '')), signing: certificates(OWN.exec(text)?.[0] ?? '')[0] };
}

const bare = (pem) => pem.replace(/-----[^-]*-----|\s/g, '');

export async function keysRollOver() {
  for (const name of names) {
    const application = applications[name];
    const path = `apps/${application.id}/saml_certificates`;
    const [old] = await api('GET', path);
    const next = await api('POST', path, {});
    await until(`${name}: both keys are told`, async () => {
      const { described, signing } = await now(application);
      return described.length === 2 && described.includes(bare(next.certificate)) && signing === bare(old.certificate);
    });
    // The service provider reads our metadata while the old key still signs.
    await introduce(name, application);
    const context = await person();
    const page = await context.newPage();
    await enter(page, name);
    await api('PUT', `${path}/${next.id}/activate`, {});
    await until(`${name}: the next key signs`, async () => (await now(application)).signing === bare(next.certificate));
    await enter(page, name);
    // The old one goes, and the service provider never heard of it.
    await api('DELETE', `${path}/${old.id}`);
    await until(`${name}: one key again`, async () => (await now(application)).described.length === 1);
    await enter(page, name);
    await introduce(name, application);
    await enter(page, name);
    await context.close();
  }
}

export async function aNameOfTheOperatorsOwnMovesIn() {
  const name = 'python3-saml';
  const entity = 'https://old-idp.example/metadata';
  const application = await change(name, { saas: { custom_entity_id: entity } });
  assert.equal(application.saas.idp_entity_id, entity);
  await until('metadata by that name', async () => {
    const { text } = await ask(`${application.saas.sso_endpoint}/saml-metadata`);
    return text.includes(`entityID="${entity}"`);
  });
  await introduce(name, application);
  const context = await person();
  // It checks the issuer.
  await entersAs(await context.newPage(), name, (told) => assert.equal(told.name_id, 'ada@acme.test'));
  await restore(name);
  await until('metadata by our name', async () => !(await metadata(applications[name])).includes(entity));
  await introduce(name, applications[name]);
  await context.close();
}
