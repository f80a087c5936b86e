// A platform administrator's day: a clinic is taken on, watched, suspended, served again and ended; transit is changed.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { launch, person, STACK, signInToConsole, testIn } from '../kit.ts';

/** Setting up and ending a clinic, on a machine that does much else. */
const CLINIC_WAIT_MAX_MS = 240_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

testIn('us-east-1')(
  'a clinic is taken on with live steps, suspended, served again and ended',
  { timeout: 600_000 },
  async () => {
    const { page, troubles } = await person(browser);
    const slug = `e2e-${crypto.randomUUID().slice(0, 8)}`;
    await signInToConsole(page);
    await page.getByRole('link', { name: 'Clinics', exact: true }).click();
    await page.getByRole('link', { name: 'Take on a clinic' }).click();
    await page.getByLabel('Legal name').fill('End to End Clinic');
    await page.getByLabel('Name in addresses').fill(slug);
    await page.getByLabel('E-mail address of its first administrator').fill(`admin@${slug}.example`);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('radio', { name: /India/ }).check();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText(slug, { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Take on' }).click();
    const done = page.getByText('The clinic is active and its first administrator is invited.');
    await done.waitFor({ timeout: CLINIC_WAIT_MAX_MS });
    await page.getByRole('listitem').filter({ hasText: 'Done' }).nth(3).waitFor();

    await page.getByRole('link', { name: 'Clinics', exact: true }).click();
    await page.getByRole('link', { name: slug }).click();
    const change = async (name: string, state: string) => {
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByRole('alertdialog').getByRole('button', { name, exact: true }).click();
      await page.getByText(state, { exact: true }).waitFor();
    };
    await change('Suspend', 'Suspended');
    await change('Serve again', 'Active');
    await page.getByRole('button', { name: 'End', exact: true }).click();
    const dialog = page.getByRole('alertdialog');
    expect(await dialog.getByRole('button', { name: 'End', exact: true }).isDisabled()).toBe(true);
    await dialog.getByLabel('Name in addresses, once more').fill(slug);
    await dialog.getByRole('button', { name: 'End', exact: true }).click();
    await page.getByText(/^(Being ended|Ended)$/).waitFor({ timeout: CLINIC_WAIT_MAX_MS });
    expect(troubles).toEqual([]);
  },
);

testIn('us-east-1')('transit is refused and carried home again, and the directory says so', async () => {
  const { page } = await person(browser);
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
});

testIn('us-east-1')('a wrong password says nothing more than that', async () => {
  const { page } = await person(browser);
  await page.goto(`${STACK.control.url}/console`);
  await page.getByLabel('Login').fill('nobody@platform.example');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  expect(await page.getByLabel('Password').inputValue()).toBe('');
});
