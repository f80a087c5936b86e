// A forgotten password, in both regions: asked for at the door, set anew by the link of the mail, and worth nothing twice.
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, expectNothingKept, inEachRegion, keepSession, launch, nextCode, person } from '../kit.ts';
import { colleague } from './invite.ts';
import { recoveryLink } from './mail.ts';
import { password, unique } from './unique.ts';

/** Another test needs somebody of this role too. */
const ROLE = 'Billing';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

async function choose(page: Page, typed: string): Promise<void> {
  await page.getByLabel('New password').fill(typed);
  await page.getByLabel('The password once more').fill(typed);
  await page.getByRole('button', { name: 'Set the password' }).click();
}

async function tryToSignIn(page: Page, email: string, typed: string): Promise<void> {
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(typed);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a colleague who forgot the password sets a new one by a mail, and the second step stays as it is', async () => {
    const { login, page: before } = await colleague(browser, clinic, ROLE);
    const { page, troubles, context } = await person(browser);
    await page.goto(`${clinic.url}/clinic`);
    await page.getByRole('link', { name: 'Forgot your password?' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Forgot your password' }).waitFor();
    await page.getByLabel('E-mail address').fill('nothing');
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByText('This is no e-mail address.').waitFor();
    const nobody = `${unique('nobody')}@example.com`;
    const since = Date.now();
    for (const email of [nobody, login.email]) {
      await page.getByLabel('E-mail address').fill(email);
      await page.getByRole('button', { name: 'Send me a link' }).click();
      await page.getByText(`If ${email} has an account here, a mail is on its way.`).waitFor();
    }

    const link = await recoveryLink(login.email, since);
    const token = link.slice(link.indexOf('#token=') + '#token='.length);
    const asked: string[] = [];
    context.on('request', (request) => asked.push(request.url()));
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByRole('heading', { level: 1, name: 'Set a new password' }).waitFor();
    expect(page.url(), 'the token has left the address').toBe(`${clinic.url}/recover`);
    expect(await page.title()).not.toContain(token);
    await choose(page, 'short');
    await page.getByText('This password is too short.').waitFor();
    const chosen = password();
    await choose(page, chosen);
    await page.getByText('The new password is set.').waitFor();
    await expectNothingKept(page);
    for (const url of asked.filter((one) => one !== link)) expect(url).not.toContain(token);

    await before.reload();
    await before.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await tryToSignIn(page, login.email, login.password);
    await page.getByText('The address or the password is wrong').waitFor();
    await tryToSignIn(page, login.email, chosen);
    await page.getByLabel('Code of the app').fill(await nextCode(login));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('.bar').waitFor();
    // Whoever takes this colleague up after this test signs in with the password of now.
    login.password = chosen;
    await keepSession(page, clinic, ROLE);

    const again = await person(browser);
    await again.page.goto(link);
    await choose(again.page, password());
    await again.page.getByText('The link is not valid any more. Ask for a new one.').waitFor();
    await again.page.getByRole('button', { name: 'Forgot your password' }).click();
    await again.page.getByRole('button', { name: 'Send me a link' }).waitFor();
    expect([...troubles, ...again.troubles]).toEqual([]);
  });
});
