// Lays a Brotli copy beside every built file, once, so that no server compresses while it serves.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

const WORTH_BYTES = 1024;
const assets = new URL('../dist/assets/', import.meta.url);
for (const name of readdirSync(assets)) {
  if (!/\.(js|css|svg|json|txt)$/.test(name)) continue;
  const plain = readFileSync(new URL(name, assets));
  if (plain.length < WORTH_BYTES) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
  writeFileSync(new URL(`${name}.br`, assets), brotliCompressSync(plain, { params }));
}
