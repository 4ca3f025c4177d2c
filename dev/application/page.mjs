// The pages of the demo application: plain, and unlike Lintel's own, because they are somebody else's.

const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Who is signed in and what was told about them, or the way in. */
export function landing(name, profile, said = '') {
  const status = said && `<p role="status">${escape(said)}</p>`;
  if (!profile) return page(name, `${status}<p>Nobody is signed in here.</p><p><a class="button" href="/sign-in">Sign in</a></p>`);
  const rows = Object.entries(profile.attributes ?? {}).map(
    ([attribute, values]) => `<tr><th scope="row">${escape(attribute)}<td>${[values].flat().map(escape).join('<br>')}`,
  );
  return page(name, `
    <p>Signed in as <strong id="name-id">${escape(profile.nameID)}</strong>.</p>
    <table><caption>What the identity provider said</caption>${rows.join('')}</table>
    <form method="post" action="/sign-out"><button>Sign out</button></form>`);
}

export const problem = (text) => `<p role="alert">${escape(text)}</p><p><a href="/">Begin again</a></p>`;

export function page(name, content) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(name)}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 ui-serif, Georgia, serif }
  body { max-width: 38rem; margin: 12vh auto; padding: 0 1rem; overflow-wrap: anywhere }
  table { width: 100%; border-collapse: collapse; margin: 1.5rem 0 }
  caption { text-align: left; font-weight: bold; padding-bottom: .5rem }
  th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-top: 1px solid #8886 }
  th { font-weight: normal; opacity: .8 }
  .button, button { font: inherit; display: inline-block; padding: .6rem 1.6rem; border: 1px solid; border-radius: .3rem; background: none; color: inherit; text-decoration: none }
  [role=alert] { border-left: .3rem solid #c22; padding-left: .7rem }
</style>
<main><h1>${escape(name)}</h1>${content}</main>
`;
}
