// What service providers are told of a person.

import assert from 'node:assert/strict';
import { arrive, change, enter, entersAs, names, peers, restore, seen } from './saml.mjs';
import { person, world } from './world.mjs';

const FORMAT = {
  email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
};
const URI = 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri';

export async function attributesArriveAsConfigured() {
  const custom = [
    { name: 'urn:oid:0.9.2342.19200300.100.1.3', friendly_name: 'mail', name_format: URI, required: true, source: { name: 'email' } },
    { name: 'urn:oid:1.3.6.1.4.1.5923.1.5.1.1', friendly_name: 'isMemberOf', name_format: URI, source: { name: 'groups' } },
    { name: 'nickname <&">', source: { name: 'nothing', name_by_idp: [{ idp_id: world.providers.acme, source_name: 'name' }] } },
  ];
  for (const name of names) {
    await change(name, { saas: { custom_attributes: custom } });
    const context = await person();
    const told = await entersAs(await context.newPage(), name, ({ attributes }) => {
      assert.deepEqual(attributes['urn:oid:0.9.2342.19200300.100.1.3'], ['ada@acme.test']);
    });
    assert.deepEqual(told.attributes['urn:oid:1.3.6.1.4.1.5923.1.5.1.1'], ['engineering'], name);
    assert.deepEqual(told.attributes['nickname <&">'], ['ada'], name);
    if (told.friendly) assert.ok('mail' in told.friendly && 'isMemberOf' in told.friendly, `${name}: friendly names`);
    await restore(name);
    await context.close();
  }
}

export async function whoLacksARequiredAttributeIsNotLetIn() {
  const name = 'samlify';
  const context = await person();
  const page = await context.newPage();
  await enter(page, name);
  await change(name, { saas: { custom_attributes: [{ name: 'badge', required: true, source: { name: 'badge_number' } }] } });
  const before = await seen(name);
  await page.goto(`${peers[name].url}/in`);
  await page.waitForSelector('h1');
  assert.equal(new URL(page.url()).origin, world.team);
  assert.match(await page.innerText('body'), /\b[0-9A-HJKMNP-TV-Z]{8}\b/, 'a code for whoever helps');
  assert.deepEqual(await seen(name), before, 'the service provider hears nothing');
  await restore(name);
  await context.close();
}

export async function namesHaveTheFormatThatIsAskedFor() {
  const ids = {};
  for (const name of ['node-saml', 'pysaml2']) {
    const context = await person();
    const page = await context.newPage();
    const email = await enter(page, name, { format: FORMAT.email });
    assert.deepEqual([email.name_id, email.name_id_format], ['ada@acme.test', FORMAT.email]);
    const persistent = await enter(page, name, { format: FORMAT.persistent });
    assert.equal(persistent.name_id_format, FORMAT.persistent);
    ids[name] = persistent.name_id;
    const transients = [await enter(page, name, { format: FORMAT.transient }), await enter(page, name, { format: FORMAT.transient })];
    assert.notEqual(transients[0].name_id, transients[1].name_id, 'a transient name is for one sign-in');
    for (const { name_id: id, name_id_format: format } of transients) {
      assert.equal(format, FORMAT.transient);
      assert.ok(!id.includes('ada') && id !== persistent.name_id);
    }
    await page.goto(`${peers[name].url}/in?format=${encodeURIComponent('urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName')}`);
    const { what, told } = await arrive(page);
    assert.equal(what, 'refused', 'a name that we do not have');
    assert.match(told, /InvalidNameIDPolicy/i, name);
    await context.close();
  }
}

export async function theOperatorsChoiceOfNameCounts() {
  for (const [format, expected] of [['id', FORMAT.persistent], ['email', FORMAT.email]]) {
    const name = 'python3-saml';
    await change(name, { saas: { name_id_format: format } });
    const context = await person();
    const told = await entersAs(await context.newPage(), name, (told) => assert.equal(told.name_id_format, expected));
    if (format === 'id') assert.doesNotMatch(told.name_id, /@/);
    await restore(name);
    await context.close();
  }
}

export async function anAttributeNamesTheSubject() {
  const name = 'pysaml2';
  await change(name, { saas: { name_id_source: { name: 'name' } } });
  const context = await person();
  await entersAs(await context.newPage(), name, (told) => assert.equal(told.name_id, 'ada'));
  await restore(name);
  await context.close();
}

export async function jsonataMakesNamesAndAttributes() {
  const name = 'pysaml2';
  await change(name, {
    saas: {
      name_id_transform_jsonata: '$uppercase(email)',
      saml_attribute_transform_jsonata: '$merge([{"initial": $substring(email, 0, 1)}, {"teams": groups.("team-" & $)}])',
    },
  });
  const context = await person();
  const told = await entersAs(await context.newPage(), name, (told) => assert.equal(told.name_id, 'ADA@ACME.TEST'));
  assert.deepEqual(told.attributes.initial, ['a']);
  await restore(name);
  await context.close();
}

export async function onlyGroupsOfTheFilterAreTold() {
  const name = 'samlify';
  await change(name, { saas: { group_filter_regex: '^nothing-like-it$' } });
  const context = await person();
  await entersAs(await context.newPage(), name, ({ attributes }) => assert.deepEqual(attributes.groups ?? [], []));
  await restore(name);
  await context.close();
}
