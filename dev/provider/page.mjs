// The pages of the demo provider. They look unlike Lintel's own on purpose: this is somebody else's house.

const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function signInForm({ name, uid, people, hint, error }) {
  const alert = error ? `<p role="alert">${escape(error)}</p>` : '';
  const examples = people.map(({ email, password }) => `<li><code>${escape(email)}</code> with <code>${escape(password)}</code>`);
  return page(`Sign in to ${name}`, `
    <h1>${escape(name)}</h1>
    ${alert}
    <form method="post" action="/sign-in/${escape(uid)}">
      <label for="email">E-mail</label>
      <input id="email" name="email" type="email" autocomplete="username" required value="${escape(hint)}" ${hint ? '' : 'autofocus'}>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required ${hint ? 'autofocus' : ''}>
      <button type="submit">Sign in</button>
    </form>
    <details><summary>Who can sign in here?</summary><ul>${examples.join('')}</ul></details>`);
}

export function page(title, content) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 22rem; margin: 12vh auto; padding: 0 1rem }
  label { display: block; margin-top: 1rem }
  input, button { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; margin-top: .25rem }
  button { margin: 1.5rem 0 }
  [role=alert] { border-left: .3rem solid #c22; padding-left: .7rem }
</style>
<main>${content}</main>
`;
}
