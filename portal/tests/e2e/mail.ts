// The mails and texts that the stack's workers laid into folders instead of sending them.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MAIL, SMS } from '../kit.ts';

const WAIT_MAX_MS = 120_000;
const LOOK_MS = 200;
const LINK = /https:\/\/\S+\/accept-invitation#token=[\w-]+/;
const RECOVERY = /https:\/\/\S+\/recover#token=[\w-]+/;
const CODE = /^ {4}(\d{4}) (\d{4})$/m;
const TEXTED_CODE = /^(\d{4}) (\d{4}) is your code/m;

interface Mail {
  at: number;
  text: string;
}

/** What was read, by file, time and size: a stack that has run for long has many. */
const read = new Map<string, Mail>();

/** A mail; soft line breaks of quoted-printable are undone (RFC 2045, 6.7). */
function mailIn(file: string): Mail {
  const { mtimeMs: at, size } = statSync(file);
  const before = read.get(`${file} ${at} ${size}`);
  if (before) return before;
  const raw = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
  const mail = { at, text: raw.replaceAll('=\n', '').replaceAll('=3D', '=').replaceAll('=20', ' ') };
  read.set(`${file} ${at} ${size}`, mail);
  return mail;
}

/** The mails to an address, the newest first. */
function mailsTo(to: string): Mail[] {
  return readdirSync(MAIL)
    .filter((name) => name.endsWith('.eml'))
    .map((name) => mailIn(join(MAIL, name)))
    .filter(({ text }) => text.includes(to))
    .sort((one, other) => other.at - one.at);
}

/** The texts to a number, the newest first. */
function textsTo(to: string): Mail[] {
  return readdirSync(SMS)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => mailIn(join(SMS, name)))
    .filter(({ text }) => text.startsWith(`To: ${to}\n`))
    .sort((one, other) => other.at - one.at);
}

const mailed = (to: string, pattern: RegExp, since = 0) => came(mailsTo, to, pattern, since);

/** What the pattern finds in the newest one that has it and came at `since` or later. */
async function came(
  those: (to: string) => Mail[],
  to: string,
  pattern: RegExp,
  since: number,
): Promise<RegExpExecArray> {
  const deadline = Date.now() + WAIT_MAX_MS;
  while (Date.now() < deadline) {
    for (const { at, text } of those(to)) {
      const found = at >= since ? pattern.exec(text) : null;
      if (found) return found;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`no such mail or text came for ${to}`);
}

export const invitationLink = async (to: string): Promise<string> => (await mailed(to, LINK))[0];

/** The link to set a new password that was asked for at `since` or later. */
export const recoveryLink = async (to: string, since: number): Promise<string> =>
  (await mailed(to, RECOVERY, since))[0];

/** Waits for the letter to an old address, which says that it was changed at `since` or later. */
export async function toldOfChange(to: string, since: number): Promise<void> {
  await mailed(to, /Your e-mail address at your clinic was changed/, since);
}

/** The code, to sign in with or for a new address, that was asked for at `since` or later. */
export async function signInCode(to: string, since: number): Promise<string> {
  const [, first, second] = await mailed(to, CODE, since);
  return `${first}${second}`;
}

/** Waits for the mail that says what became of the telephone at `since` or later. */
export async function toldOfTelephone(to: string, what: RegExp, since: number): Promise<void> {
  await mailed(to, what, since);
}

/** The code for a telephone that was asked for at `since` or later. */
export async function textedCode(to: string, since: number): Promise<string> {
  const [, first, second] = await came(textsTo, to, TEXTED_CODE, since);
  return `${first}${second}`;
}

/** Waits for the text with these words that came at `since` or later. */
export async function texted(to: string, what: RegExp, since: number): Promise<void> {
  await came(textsTo, to, what, since);
}
