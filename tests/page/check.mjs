// Every page of Access (LINTEL_PAGES: JSON of crates/access/examples/pages) in Chromium: axe finds
// nothing, nothing breaks the page's own policy, nothing overflows a phone, the keyboard reaches
// everything and shows where it is. LINTEL_SCREENSHOTS names a folder for pictures to look at.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PAGES = JSON.parse(await readFile(process.env.LINTEL_PAGES, 'utf8'))
const PICTURES = process.env.LINTEL_SCREENSHOTS
const HOST = 'https://team.example.com'
const PATIENCE = 120_000 // Only what is broken takes so long.
const MODES = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  'dark-phone': { colorScheme: 'dark', viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' },
}

const browser = await chromium.launch({
  executablePath: process.env.LINTEL_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})

// Opens a page as its answer would be; all that it asks for afterwards is kept, and answered empty.
async function open(context, name, answer = { status: 204 }) {
  const { status, headers, body } = PAGES[name]
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE)
  const said = []
  const asked = []
  let heard
  const first = new Promise((resolve) => { heard = resolve })
  page.on('pageerror', (error) => said.push(String(error)))
  page.on('console', (message) => {
    if (!message.text().includes(`status of ${status}`)) said.push(message.text())
  })
  await page.route('**/*', async (route) => {
    const request = route.request()
    if (request.url() === `${HOST}/${name}`) return route.fulfill({ status, headers, body })
    asked.push({ method: request.method(), url: request.url(), body: request.postData() })
    heard(asked[0])
    return route.fulfill(answer)
  })
  await page.goto(`${HOST}/${name}`, { waitUntil: 'commit' })
  await Promise.race([page.waitForSelector('footer'), first])
  return { page, said, asked, first }
}

async function accessible(page, where) {
  await page.evaluate(AXE)
  const { violations, incomplete } = await page.evaluate(() => globalThis.axe.run())
  const found = [...violations, ...incomplete].map(({ id, nodes }) => ({ id, at: nodes.map((node) => node.html) }))
  assert.deepEqual(found, [], where)
}

// Tab visits what can be used, in the order of the page, and each shows that it has the focus.
async function keyboard(page, where) {
  await page.evaluate(() => { // Tab begins at the top, also where a field had the focus already.
    const top = Object.assign(document.createElement('b'), { tabIndex: -1 })
    document.body.prepend(top)
    top.focus()
    top.remove()
  })
  const usable = await page.locator('a[href], button, input:not([type=hidden]), select, textarea').count()
  let before = 0
  for (let n = 0; n < usable; n++) {
    await page.keyboard.press('Tab')
    const now = await page.evaluate(() => {
      const all = [...document.querySelectorAll('*')]
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
      const { x, y, width, height } = document.activeElement.getBoundingClientRect()
      const inside = x >= 0 && y >= 0 && x + width <= innerWidth && y + height <= innerHeight
      return { at: all.indexOf(document.activeElement), tag: document.activeElement.tagName, outlineStyle, outlineWidth, inside }
    })
    assert.ok(now.at > before, `${where}: Tab went back, or nowhere, at ${now.tag}`)
    assert.ok(now.outlineStyle !== 'none' && parseFloat(now.outlineWidth) >= 2, `${where}: no focus to be seen on ${now.tag}`)
    assert.ok(now.inside, `${where}: ${now.tag} has the focus out of sight`)
    before = now.at
  }
}

try {
  for (const [mode, settings] of Object.entries(MODES)) {
    const context = await browser.newContext(settings)
    for (const name of Object.keys(PAGES)) {
      if (['repost', 'departure'].includes(name)) continue // They leave at once: see below.
      const where = `${name}, ${mode}`
      const { page, said, asked } = await open(context, name)
      if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.${mode}.png`, fullPage: true })
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      assert.ok(width <= settings.viewport.width, `${where}: ${width} pixels wide`)
      await accessible(page, where)
      await keyboard(page, where)
      assert.deepEqual(said, [], where)
      assert.deepEqual(asked, [], where)
      await page.close()
    }
    await context.close()
  }

  const scripted = await browser.newContext()
  const reposted = await open(scripted, 'repost')
  assert.deepEqual(await reposted.first, { method: 'POST', url: `${HOST}/access/callback/x`, body: 'state=x' })
  assert.deepEqual(reposted.said, [])

  // Over to an application elsewhere, which leads on to another host of its own.
  const onward = 'https://app.shop.example/home'
  const arrived = new Promise((resolve) => {
    scripted.on('request', (request) => { if (request.url() === onward) resolve(true) })
  })
  const departed = await open(scripted, 'departure', { status: 303, headers: { location: onward } })
  const { method, url, body } = await departed.first
  assert.deepEqual([method, url], ['POST', 'https://shop.example/acs'])
  const posted = new URLSearchParams(body)
  assert.deepEqual([...posted], [['SAMLResponse', 'PHg+'], ['RelayState', '{"a":"<b> & \'c\'"}\r\n']])
  const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE, false).unref() })
  assert.ok(await Promise.race([arrived, late]), `the way on from the application is blocked: ${departed.said}`)
  await departed.page.close()

  const launcher = await open(scripted, 'launcher')
  await launcher.page.fill('#q', 'WIK')
  assert.deepEqual(await launcher.page.locator('[data-app]:visible').evaluateAll((all) => all.map((a) => a.dataset.app)), ['Wiki'])
  assert.equal(await launcher.page.textContent('[role=status]'), '1 of 8 shown')
  await launcher.page.fill('#q', 'zzz')
  assert.equal(await launcher.page.locator('[data-app]:visible').count(), 0)
  assert.equal(await launcher.page.textContent('[role=status]'), 'Nothing fits this search.')
  await launcher.page.fill('#q', '')
  assert.equal(await launcher.page.locator('[data-app]:visible').count(), 8)
  await scripted.close()

  const plain = await browser.newContext({ javaScriptEnabled: false })
  const again = await open(plain, 'repost')
  await again.page.click('button')
  assert.equal((await again.first).body, 'state=x')
  const byHand = await open(plain, 'departure')
  await byHand.page.click('button')
  assert.equal((await byHand.first).url, 'https://shop.example/acs')
  const search = await open(plain, 'launcher-search')
  await search.page.fill('#q', 'wiki & co')
  await search.page.press('#q', 'Enter')
  assert.equal((await search.first).url, `${HOST}/?q=wiki+%26+co&tag=Finance`)
  const pin = await open(plain, 'pin-enter')
  await pin.page.fill('#code', '123 456')
  await pin.page.press('#code', 'Enter')
  assert.equal((await pin.first).body, 'attempt=x&code=123+456')
  const decide = await open(plain, 'approval-decide')
  await decide.page.click('text=Refuse')
  assert.equal((await decide.first).body, 'decision=refuse')
  console.log(`${Object.keys(PAGES).length} pages, ${Object.keys(MODES).length} ways to see them`)
} finally {
  await browser.close()
}
