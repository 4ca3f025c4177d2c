// The cases about SAML; see run.mjs.

import { run } from './run.mjs';
import { setUp } from './saml.mjs';
import * as attributes from './saml_attributes.mjs';
import * as keys from './saml_keys.mjs';
import * as logout from './saml_logout.mjs';
import * as messages from './saml_messages.mjs';
import * as pages from './saml_pages.mjs';
import * as refusals from './saml_refusals.mjs';
import * as signIn from './saml_sign_in.mjs';
import * as upstream from './saml_upstream.mjs';

await setUp();
// What was sent in the meantime is checked last.
await run({ ...signIn, ...attributes, ...keys, ...refusals, ...logout, ...upstream, ...pages, ...messages });
