// What browser tests share: the stack's description, a browser, signing in, and what every screen must hold.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { connect } from 'node:tls';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { totp } from './totp.ts';

export interface Login {
  role: string;
  email: string;
  password: string;
  totp_secret?: string;
}

export interface Clinic {
  slug: string;
  region: string;
  url: string;
  logins: Login[];
}

export interface Stack {
  tenants: Clinic[];
  control: { url: string; logins: Login[]; admin_command: string[] };
  mail: string;
  sms: string;
  ca: string;
}

const STACK_FILE = process.env.DOMICILE_STACK ?? new URL('../../.domicile/stack.json', import.meta.url).pathname;
export const ROOT = process.env.DOMICILE_ROOT ?? new URL('../..', import.meta.url).pathname;
export const STACK = JSON.parse(readFileSync(STACK_FILE, 'utf8')) as Stack;
export const MAIL = resolve(ROOT, STACK.mail);
export const SMS = resolve(ROOT, STACK.sms);
const SECRETS = join(dirname(STACK_FILE), 'secrets/totp');

/** The regions of the stack. */
type RegionName = 'us-east-1' | 'ap-south-1';
/** What runs beside each other, because it mostly waits for codes, and what measures time and has to be alone. */
type Part = RegionName | 'alone';
/** The part that this run is for; all of them when nothing is said. */
const PART = process.env.DOMICILE_PART;
const isHere = (part: Part) => PART === undefined || PART === part;

/** What holds in both regions. */
export function inEachRegion(name: string, tests: (region: RegionName) => void): void {
  for (const region of ['us-east-1', 'ap-south-1'] as const) {
    describe.runIf(isHere(region))(`${name} ${region}`, () => tests(region));
  }
}

/**
 * A test of one part: by the clinic that it uses, so that no two runs sign in as the same person. Those of the console, where
 * codes are not needed, are where there is less to look at.
 */
export const testIn = (part: Part) => test.runIf(isHere(part));

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let running: Browser | undefined;

/** The browser of all files that one process runs, each person's apart from the others'; it ends with the process. */
export async function launch(): Promise<Browser> {
  if (!running?.isConnected()) running = await start();
  return running;
}

/**
 * A browser that takes the stack's own certificates for good ones, and no others: passkeys need a connection without any
 * fault. Each is checked against the stack's authority here, which no system store knows.
 */
async function start(): Promise<Browser> {
  const urls = [...STACK.tenants.map((tenant) => tenant.url), STACK.control.url];
  const keys = await Promise.all(urls.map((url) => publicKeyHash(new URL(url))));
  return chromium.launch({
    executablePath: process.env.DOMICILE_CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, `--ignore-certificate-errors-spki-list=${keys.join(',')}`],
  });
}

/** SHA-256 of the public key that a host's certificate is for (RFC 7469, 2.4). */
function publicKeyHash({ hostname, port }: URL): Promise<string> {
  const ca = readFileSync(resolve(ROOT, STACK.ca));
  return new Promise((found, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: hostname, ca }, () => {
      const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' });
      socket.end();
      if (key) found(createHash('sha256').update(key).digest('base64'));
      else reject(new Error(`${hostname} shows no certificate`));
    });
    socket.on('error', reject);
  });
}

/** How long anything may take to appear: far above what it takes, so that a machine that does much else is no fault. */
const WAIT_MAX_MS = 60_000;

/** A person's own browser: nothing in it is anybody else's. */
export interface Person {
  context: BrowserContext;
  page: Page;
  /** What the page said went wrong: exceptions, refused policies, requests to elsewhere. */
  troubles: string[];
}

export async function person(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  // Nothing moves for its own sake: without a graphics card each frame is painted by the processor that everything else needs.
  const context = await browser.newContext({ locale: 'en-US', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(WAIT_MAX_MS);
  // A page that nobody looks at any more would go on asking, beside the tests that come.
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    if (/Content Security Policy|Trusted|Refused to/i.test(text)) troubles.push(`policy: ${text}`);
  });
  page.on('request', (request) => {
    const here = new URL(page.url() === 'about:blank' ? request.url() : page.url()).origin;
    const there = new URL(request.url()).origin;
    if (there !== here && !request.isNavigationRequest()) troubles.push(`elsewhere: ${there}`);
  });
  return { context, page, troubles };
}

export function clinicOf(region: string): Clinic {
  const found = STACK.tenants.find((tenant) => tenant.region === region);
  if (!found) throw new Error(`the stack has no clinic in ${region}`);
  return found;
}

export function loginOf(logins: Login[], role: string): Login {
  const found = logins.find((login) => login.role === role);
  if (!found) throw new Error(`the stack has no ${role}`);
  return found;
}

const STEP_S = 30;
/** How long a code may lie between here and the server. */
const TYPED_MAX_S = 15;

const usedBy = (email: string) => join(SECRETS, `${email}.used`);

/** A code of a demo login that nobody has used: `dev/bootstrap.sh code` keeps the same count beside the secret. */
export async function nextCode(login: Login): Promise<string> {
  const used = usedBy(login.email);
  const last = existsSync(used) ? Number(readFileSync(used, 'utf8')) : 0;
  // One step behind the clock is still taken, and leaves two more for who is asked again at once.
  const first = Math.floor((Date.now() / 1000 + TYPED_MAX_S) / STEP_S) - 1;
  const step = Math.max(last + 1, first);
  // One step ahead of the clock is taken too; anything later is waited for.
  const waitMs = (step - 1) * STEP_S * 1000 - Date.now();
  if (waitMs > 0) await new Promise((over) => setTimeout(over, waitMs));
  writeFileSync(used, String(step));
  return totp(login.totp_secret ?? '', step);
}

/** Which codes are used goes with an account that is known by another address now. */
export const keepCodes = (before: string, now: string): void => copyFileSync(usedBy(before), usedBy(now));

/**
 * Comes to a screen: as a link does where its application is open, and nothing but its answers is asked for; else by its address.
 * Answers are not kept, so that it shows what is there now (`portal/src/shell/start.tsx`).
 */
export async function open(page: Page, url: string): Promise<void> {
  const [here, there] = [new URL(page.url()), new URL(url)];
  const application = ({ origin, pathname }: URL) => `${origin}/${pathname.split('/')[1]}`;
  if (application(here) !== application(there) || here.pathname === there.pathname) {
    await page.goto(url);
    return;
  }
  await page.evaluate(async (path) => {
    history.pushState(null, '', path);
    // The screen before is gone then.
    await new Promise((over) => setTimeout(over));
  }, there.pathname);
}

const SESSION = '__Host-domicile';
type Cookies = Awaited<ReturnType<BrowserContext['cookies']>>;
/** Sessions that were opened, because a code works once and the next one is half a minute away. */
const sessions = new Map<string, Cookies>();

/** Types the address, the password and the code: of a role's own login, or of another one. */
export async function signInByHand(page: Page, clinic: Clinic, who: string | Login): Promise<void> {
  const login = typeof who === 'string' ? loginOf(clinic.logins, who) : who;
  await page.goto(`${clinic.url}/clinic`);
  await page.locator('input[type=email]').fill(login.email);
  await page.locator('input[type=password]').fill(login.password);
  await page.locator('button[type=submit]').click();
  await page.locator('input[autocomplete=one-time-code]').fill(await nextCode(login));
  await page.locator('button[type=submit]').click();
  await page.locator('.bar').waitFor();
}

/** Takes up the session that this role already has; false when it has none, or none any more: unused ones end in minutes. */
export async function takeSession(page: Page, clinic: Clinic, role: string, home = '/clinic'): Promise<boolean> {
  const known = sessions.get(`${clinic.slug} ${role}`);
  await page.context().clearCookies({ name: SESSION });
  if (!known) return false;
  await page.context().addCookies(known);
  await page.goto(`${clinic.url}${home}`);
  const [inside, outside] = [page.locator('.bar'), page.locator('input[type=email]')];
  await inside.or(outside).first().waitFor();
  return (await outside.count()) === 0;
}

/** Keeps a page's session for the next test of this role. */
export async function keepSession(page: Page, clinic: Clinic, role: string): Promise<void> {
  const cookies = await page.context().cookies();
  sessions.set(
    `${clinic.slug} ${role}`,
    cookies.filter((cookie) => cookie.name === SESSION),
  );
}

/** Signs in, or takes up the session that this role already has; a test that ends it signs in by hand. */
export async function signIn(page: Page, clinic: Clinic, role: string): Promise<void> {
  if (await takeSession(page, clinic, role)) return;
  await signInByHand(page, clinic, role);
  await keepSession(page, clinic, role);
}

/** Goes on from the worklist, where a session of most roles begins, to the patients. */
export async function toPatients(page: Page): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Patients' }).click();
  await page.getByRole('heading', { level: 1, name: 'Patients' }).waitFor();
}

export async function signInToConsole(page: Page, role = 'platform_admin'): Promise<void> {
  const login = loginOf(STACK.control.logins, role);
  await page.goto(`${STACK.control.url}/console`);
  await page.getByLabel('Login').fill(login.email);
  await page.getByLabel('Password').fill(login.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Regions and shards' }).waitFor();
}

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** The rules that look at colours; what the others find in light they would find in dark once more. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/** No violation of WCAG 2.2 A and AA that axe can find, with and without the dark colours. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  // What lies under the bar at the moment is no fault of a screen; it scrolls.
  await page.evaluate(() => window.scrollTo(0, 0));
  // Evaluated over the debugging protocol, which a page's policy does not concern; once for as long as the page lives.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  for (const [colorScheme, runOnly] of [
    ['light', ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']],
    ['dark', COLOUR_RULES],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    const violations = await page.evaluate(async (only) => {
      const axe = (globalThis as unknown as { axe: { run: (o: object) => Promise<{ violations: Violation[] }> } }).axe;
      // What passed is not listed, and there is no sound or film to be fetched first.
      return (await axe.run({ runOnly: only, resultTypes: ['violations'], preload: false })).violations;
    }, runOnly);
    const found = violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html}\n   ${node.failureSummary}`).join('\n  ')}`,
    );
    expect(found, `${what} (${colorScheme})`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Nothing is wider than the window. */
export async function expectNoSidewaysScroll(page: Page, what: string): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, `${what}: pixels beyond the window`).toBeLessThanOrEqual(0);
}

/** Nothing of a session or a patient is kept where a browser keeps things. */
export async function expectNothingKept(page: Page): Promise<void> {
  const kept = await page.evaluate(async () => ({
    cookies: document.cookie,
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: (await indexedDB.databases()).map((database) => database.name),
    caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
  }));
  expect(kept.cookies.replace(/__Host-domicile-language=[\w-]+/, '')).toBe('');
  expect({ ...kept, cookies: '' }).toEqual({
    cookies: '',
    local: {},
    session: {},
    databases: [],
    caches: [],
    workers: 0,
  });
}

/** Waits for what was asked for, proving the second step again where the server wants a fresh one. */
export async function stepUp(page: Page, clinic: Clinic, who: string | Login, done: Locator): Promise<void> {
  const login = typeof who === 'string' ? loginOf(clinic.logins, who) : who;
  const asked = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await asked.or(done).first().waitFor();
  if ((await asked.count()) === 0) return;
  await asked.getByLabel('Code of the app').fill(await nextCode(login));
  await asked.getByRole('button', { name: 'Continue' }).click();
  await done.waitFor();
  await keepSession(page, clinic, login.role);
}
