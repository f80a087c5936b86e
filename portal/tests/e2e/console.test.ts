// A platform administrator's day: a passkey is made by a link, a clinic is taken on, watched, suspended, served again and
// ended; transit is changed.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect } from 'vitest';
import {
  expectAccessible,
  expectNothingKept,
  launch,
  loginOf,
  type Person,
  person,
  ROOT,
  STACK,
  signInToConsole,
  testIn,
} from '../kit.ts';
import { fillAnswer, wantFreshProof } from './answers.ts';
import { plugIn } from './authenticator.ts';
import { lookAtDialog, lookClosely } from './closely.ts';
import { expectInert, expectShownInert, HOSTILE, packed, SAMPLE } from './hostile.ts';

/** Setting up and ending a clinic, on a machine that does much else. */
const CLINIC_WAIT_MAX_MS = 240_000;
/** A region's processes that have just been started are heard, and its shards looked at. */
const HEALTH_WAIT_MAX_MS = 90_000;
/** The longest name of a clinic that the control plane takes, in characters. */
const LEGAL_NAME_MAX_CHARS = 200;
/** Names that must stay text wherever the console shows them. */
const [HOSTILE_LEGAL_NAME = '', HOSTILE_LABEL = ''] = [packed(SAMPLE, LEGAL_NAME_MAX_CHARS)[0], SAMPLE[1]];

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

/** Describes a clinic in the wizard, looks at all of it, and has it taken on. */
async function takeOn(page: Page, slug: string, region: string): Promise<void> {
  await page.getByRole('link', { name: 'Clinics', exact: true }).click();
  await page.getByRole('link', { name: 'Take on a clinic' }).click();
  await page.getByLabel('Legal name').fill(HOSTILE_LEGAL_NAME);
  await page.getByLabel('Name in addresses').fill(slug);
  await page.getByLabel('E-mail address of its first administrator').fill(`admin@${slug}.example`);
  await page.getByRole('button', { name: 'Next' }).click();
  // By its own name: a country may have several.
  await page.getByRole('radio', { name: region }).check();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(slug, { exact: true }).waitFor();
  await page.getByText(HOSTILE_LEGAL_NAME, { exact: true }).waitFor();
  expect(
    await page.getByRole('definition').filter({ hasText: region }).count(),
    'its home, before it is for good',
  ).toBe(1);
  await expectInert(page, 'the last look before a clinic is taken on');
  await page.getByRole('button', { name: 'Take on' }).click();
}

/** On a clinic's page: ends it, signing in once more where that was too long ago. */
async function endClinic(page: Page, slug: string): Promise<void> {
  await page.getByRole('button', { name: 'End', exact: true }).click();
  const dialog = page.getByRole('alertdialog');
  expect(await dialog.getByRole('button', { name: 'End', exact: true }).isDisabled()).toBe(true);
  await dialog.getByLabel('Name in addresses, once more').fill(slug);
  await lookAtDialog(page, 'ending a clinic');
  await dialog.getByRole('button', { name: 'End', exact: true }).click();
  const over = page.getByText(/^(Being ended|Ended)$/).first();
  const again = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await again.or(over).first().waitFor({ timeout: CLINIC_WAIT_MAX_MS });
  if ((await again.count()) > 0) {
    const { email, password } = loginOf(STACK.control.logins, 'platform_admin');
    await again.getByLabel('Login').fill(email);
    await again.getByLabel('Password').fill(password);
    await again.getByRole('button', { name: 'Sign in', exact: true }).click();
  }
  await over.waitFor({ timeout: CLINIC_WAIT_MAX_MS });
}

testIn('ap-south-1')(
  'a clinic of each region is taken on with live steps and ended; one is suspended and served again before',
  { timeout: 600_000 },
  async () => {
    // Both at once: their regions work beside each other.
    const taken: (Person & { slug: string; region: string })[] = [];
    for (const region of ['ap-south-1', 'us-east-1']) {
      const one = await person(browser);
      const slug = `e2e-${crypto.randomUUID().slice(0, 8)}`;
      await signInToConsole(one.page);
      await takeOn(one.page, slug, region);
      taken.push({ ...one, slug, region });
    }
    for (const { page, slug, region } of taken) {
      const done = page.getByText('The clinic is active and its first administrator is invited.');
      await done.waitFor({ timeout: CLINIC_WAIT_MAX_MS });
      await page.getByRole('listitem').filter({ hasText: 'Done' }).nth(3).waitFor();
      await page.getByRole('link', { name: 'Clinics', exact: true }).click();
      const row = page.getByRole('row').filter({ hasText: slug });
      await row.getByText(HOSTILE_LEGAL_NAME, { exact: true }).waitFor();
      await row.getByText(region, { exact: true }).waitFor();
      await expectInert(page, 'clinics');
    }

    const [first] = taken;
    if (!first) throw new Error('nothing was taken on');
    const { page } = first;
    const end = await fillAnswer(page, '/platform/v1/tenants', 'id', 'legal_name');
    await page.reload();
    await page.getByRole('row').nth(HOSTILE.length).waitFor();
    await expectShownInert(page, 'clinics with every hostile text');
    await end();
    await page.reload();
    for (const one of taken) await one.page.getByRole('link', { name: one.slug }).click();
    const change = async (name: string, state: string) => {
      await page.getByRole('button', { name, exact: true }).click();
      await lookAtDialog(page, `a clinic: ${name}`);
      await page.getByRole('alertdialog').getByRole('button', { name, exact: true }).click();
      await page.getByText(state, { exact: true }).waitFor();
    };
    await change('Suspend', 'Suspended');
    await page.getByText(HOSTILE_LEGAL_NAME, { exact: true }).waitFor();
    await expectInert(page, 'a clinic');
    await change('Serve again', 'Active');
    for (const one of taken) await endClinic(one.page, one.slug);
    for (const { troubles } of taken) expect(troubles).toEqual([]);
  },
);

testIn('us-east-1')(
  'transit is refused and carried home again, the directory says so, and nothing is kept',
  async () => {
    const { page, troubles } = await person(browser);
    await signInToConsole(page);
    await page.getByRole('link', { name: 'Transit' }).click();
    const india = page.getByLabel('Connections for clinics of India that arrive elsewhere');
    for (const [choice, words] of [
      ['refuse', 'Refused'],
      ['passthrough', 'Carried home'],
    ] as const) {
      await india.selectOption(choice);
      await page
        .getByRole('row', { name: /^United States/ })
        .getByText(words)
        .waitFor();
    }
    await page.getByRole('link', { name: 'Directory' }).click();
    await page.getByText('All of it is served').waitFor();
    await page
      .getByRole('row', { name: /Region ap-south-1 .*Refused/ })
      .first()
      .waitFor();
    await expectNothingKept(page);
    expect(troubles).toEqual([]);
  },
);

testIn('us-east-1')('both regions and their shards are healthy and have the directory of now', async () => {
  const { page, troubles } = await person(browser);
  await signInToConsole(page);
  for (const name of ['us-east-1', 'ap-south-1']) {
    const region = page.getByRole('region', { name: new RegExp(name) });
    // The region's own word and that of its shard.
    await region.getByText('Healthy', { exact: true }).nth(1).waitFor({ timeout: HEALTH_WAIT_MAX_MS });
    await region.getByRole('row', { name: /^1 / }).getByText('Healthy', { exact: true }).waitFor();
  }
  await expectAccessible(page, 'regions and shards');
  await page.getByRole('link', { name: 'Directory' }).click();
  const held = page.getByRole('region', { name: 'What the regions have' });
  // Front doors, backends and workers of two regions.
  await held.getByText('Current', { exact: true }).nth(5).waitFor({ timeout: HEALTH_WAIT_MAX_MS });
  expect(await held.getByText('Healthy', { exact: true }).count()).toBe(6);
  await expectAccessible(page, 'the directory and who has it');
  expect(troubles).toEqual([]);
});

/** What the operators' command line prints. */
function operate(...args: string[]): Record<string, string>[] {
  const [binary = '', ...before] = STACK.control.admin_command;
  return JSON.parse(
    execFileSync(resolve(ROOT, binary), [...before, '--json', ...args], { cwd: ROOT, encoding: 'utf8' }),
  );
}

testIn('ap-south-1')('a passkey is made by the link of the command line, and signs in alone', async () => {
  const login = `${crypto.randomUUID().slice(0, 8)}@platform.example`;
  const [made] = operate('platform-admin', 'create', '--login', login, '--passkey');
  const { page, context, troubles } = await person(browser);
  await plugIn(context);
  await page.goto(made?.enrol ?? '');
  expect(new URL(page.url()).hash).toBe('');
  await page.getByLabel('Name', { exact: true }).fill(HOSTILE_LABEL);
  await lookClosely(page, 'making the first passkey');
  await page.getByRole('button', { name: 'Make the passkey' }).click();
  const home = page.getByRole('heading', { level: 1, name: 'Regions and shards' });
  await home.waitFor();

  const menu = async (item: string) => {
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };
  await menu('Sign out');
  await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await home.waitFor();

  await menu('Own passkeys');
  const passkeys = page.getByRole('region', { name: 'Passkeys' });
  await passkeys
    .getByRole('listitem')
    .filter({ hasText: HOSTILE_LABEL })
    .getByText(/Last used/)
    .waitFor();
  expect(await passkeys.getByRole('button', { name: /^Remove/ }).count()).toBe(0);
  await expectInert(page, 'own passkeys');
  await expectAccessible(page, 'own passkeys');

  // Where the last sign-in was too long ago, the next one is asked for above the screen.
  const end = await wantFreshProof(page);
  await page.getByLabel('Name', { exact: true }).fill('Another');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await lookAtDialog(page, 'signing in once more');
  const again = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await again.getByRole('button', { name: 'Close' }).click();
  await page.getByText('Sign in again for this.').waitFor();
  await end();
  const endFilled = await fillAnswer(page, '/platform/v1/passkeys', 'id', 'label');
  await page.reload();
  await passkeys
    .getByRole('listitem')
    .nth(HOSTILE.length - 1)
    .waitFor();
  await expectShownInert(page, 'own passkeys with every hostile text');
  await endFilled();

  // The link was used up.
  const late = await person(browser);
  await plugIn(late.context);
  await late.page.goto(made?.enrol ?? '');
  await late.page.getByLabel('Name', { exact: true }).fill('Another');
  await late.page.getByRole('button', { name: 'Make the passkey' }).click();
  await late.page.getByText('This link was used or replaced, or is too old.').waitFor();
  expect(troubles).toEqual([]);
});
