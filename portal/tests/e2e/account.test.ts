// Somebody's own account, in both regions: a passkey instead of password and code, and the sessions that are theirs.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, keepSession, launch, person, signInByHand, toPatients } from '../kit.ts';
import { plugIn } from './authenticator.ts';
import { colleague } from './invite.ts';
import { password } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a session on another device is seen and ended from here, and is over there at once', async () => {
    const there = await person(browser);
    const here = await colleague(browser, clinic, 'Nurse');
    await signInByHand(there.page, clinic, here.login);
    await toPatients(there.page);
    await here.page.goto(`${clinic.url}/clinic/account`);
    const sessions = here.page.getByRole('region', { name: 'Where you are signed in' });
    await sessions
      .getByText(/Chrome on Linux/)
      .first()
      .waitFor();
    await sessions.getByRole('button', { name: /^End: Since/ }).click();
    await sessions.getByRole('button', { name: /^End: Since/ }).waitFor({ state: 'detached' });
    await there.page.getByLabel('Search for').fill('Nobody');
    await there.page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();

    const form = here.page.getByRole('region', { name: 'Password' });
    await form.getByLabel('Current password').fill('not this one, surely');
    await form.getByLabel('New password').fill(password());
    await form.getByRole('button', { name: 'Change the password' }).click();
    await form.getByText('The current password is wrong.').waitFor();
  });

  test('a passkey is added, signs in alone, and is removed', async () => {
    const { page, context, troubles } = await colleague(browser, clinic, 'Nurse');
    await plugIn(context);
    await page.goto(`${clinic.url}/clinic/account`);
    const passkeys = page.getByRole('region', { name: 'Passkeys' });
    await passkeys.getByText('None', { exact: true }).waitFor();
    await passkeys.getByRole('button', { name: 'Add a passkey' }).click();
    await passkeys.getByText('Not used yet').waitFor();

    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    await page.goto(`${clinic.url}/clinic`);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { level: 1, name: 'What waits for you' }).waitFor();

    await page.goto(`${clinic.url}/clinic/account`);
    await passkeys.getByText(/^Last used/).waitFor();
    const current = page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem');
    await current.filter({ hasText: 'This one' }).getByText('passkey').waitFor();
    await passkeys.getByRole('button', { name: /^Remove/ }).click();
    await passkeys.getByText('None', { exact: true }).waitFor();
    await keepSession(page, clinic, 'Nurse');
    expect(troubles).toEqual([]);
  });
});
