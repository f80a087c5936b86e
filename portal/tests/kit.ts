// What browser tests share: the stack's description, a browser, signing in, and what every screen must hold.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

export interface Login {
  role: string;
  email: string;
  password: string;
}

export interface Clinic {
  slug: string;
  region: string;
  url: string;
  logins: Login[];
}

export interface Stack {
  tenants: Clinic[];
  control: { url: string; logins: Login[] };
  mail: string;
}

const STACK_FILE = process.env.DOMICILE_STACK ?? new URL('../../.domicile/stack.json', import.meta.url).pathname;
export const ROOT = process.env.DOMICILE_ROOT ?? new URL('../..', import.meta.url).pathname;
export const STACK = JSON.parse(readFileSync(STACK_FILE, 'utf8')) as Stack;
export const MAIL = join(ROOT, STACK.mail);

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

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.DOMICILE_CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
}

/** A person's own browser: nothing in it is anybody else's. */
export interface Person {
  context: BrowserContext;
  page: Page;
  /** What the page said went wrong: exceptions, refused policies, requests to elsewhere. */
  troubles: string[];
}

export async function person(browser: Browser, options: BrowserContextOptions = {}): Promise<Person> {
  // The stack's certificates are its own authority's, which no system store knows.
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-US', ...options });
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

/** Signs in by the names that a person reads. */
export async function signIn(page: Page, clinic: Clinic, role: string): Promise<void> {
  const login = loginOf(clinic.logins, role);
  await page.goto(`${clinic.url}/clinic`);
  await page.getByLabel('E-mail address').fill(login.email);
  await page.getByLabel('Password').fill(login.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Patients' }).waitFor();
}

export async function signInToConsole(page: Page): Promise<void> {
  const login = loginOf(STACK.control.logins, 'platform_admin');
  await page.goto(`${STACK.control.url}/console`);
  await page.getByLabel('Login').fill(login.email);
  await page.getByLabel('Password').fill(login.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Regions and shards' }).waitFor();
}

interface Violation {
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** No violation of WCAG 2.2 A and AA that axe can find, with and without the dark colours. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  // Evaluated over the debugging protocol, which a page's policy does not concern.
  await page.evaluate(AXE);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const violations = await page.evaluate(async () => {
      const axe = (globalThis as unknown as { axe: { run: (o: object) => Promise<{ violations: Violation[] }> } }).axe;
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      return (await axe.run({ runOnly: tags })).violations;
    });
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
