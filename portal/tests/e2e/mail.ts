// The mails that the stack's workers laid into a folder instead of sending them.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MAIL } from '../kit.ts';

const WAIT_MAX_MS = 30_000;
const LOOK_MS = 200;

/** The link of the newest mail to an address; soft line breaks of quoted-printable are undone first (RFC 2045, 6.7). */
function newestLink(to: string): string | undefined {
  const files = readdirSync(MAIL)
    .filter((name) => name.endsWith('.eml'))
    .map((name) => join(MAIL, name))
    .sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n').replaceAll('=\n', '').replaceAll('=3D', '=');
    if (text.includes(to)) return /https:\/\/\S+#token=[\w-]+/.exec(text)?.[0];
  }
  return undefined;
}

export async function invitationLink(to: string): Promise<string> {
  const deadline = Date.now() + WAIT_MAX_MS;
  while (Date.now() < deadline) {
    const link = newestLink(to);
    if (link) return link;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`no invitation came for ${to}`);
}
