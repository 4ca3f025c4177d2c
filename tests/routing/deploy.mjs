// Asks wrangler to bundle the worker as for Cloudflare, without an account: node tests/routing/deploy.mjs
//
// Passes if wrangler accepts wrangler.toml and the built worker, and the bundle is below 1 MB after gzip.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 1_000_000;
const root = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'lintel-deploy-'));
const wrangler = path.join(root, 'node_modules/wrangler/bin/wrangler.js');
try {
  const { status } = spawnSync(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', folder], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
  });
  const bundled = readdirSync(folder).filter(name => /\.(js|wasm)$/.test(name));
  const bytes = bundled.reduce((sum, name) => sum + gzipSync(readFileSync(path.join(folder, name)), { level: 9 }).length, 0);
  const passed = status === 0 && bundled.some(name => name.endsWith('.wasm')) && bytes < LIMIT;
  console.log(`  ${passed ? '✓' : '✗'} wrangler accepts the worker: ${bytes} bytes after gzip, of ${LIMIT} allowed`);
  process.exitCode = passed ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
