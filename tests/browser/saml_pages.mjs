// Pages of SAML: looked at by axe, and photographed for people. Those on the way elsewhere: tests/page/check.mjs.

import { look } from './look.mjs';
import { applications } from './saml.mjs';
import { person, world } from './world.mjs';

export async function samlPagesAreAccessible() {
  const context = await person();
  const page = await context.newPage();
  await page.goto(`${applications.pysaml2.saas.sso_endpoint}?SAMLRequest=broken`);
  await look(page, 'saml-request-refused');
  await page.goto(`${applications.pysaml2.saas.sso_endpoint}/logout?SAMLRequest=broken`);
  await look(page, 'saml-logout-refused');
  await page.goto(`${world.team}/access/callback/${world.saml.provider.id ?? world.providers.acme}?SAMLResponse=broken`);
  await look(page, 'saml-response-refused');
  await context.close();
}
