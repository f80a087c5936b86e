// Somebody's own account, in both regions: a passkey instead of password and code, and the sessions that are theirs.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import {
  clinicOf,
  inEachRegion,
  keepCodes,
  keepSession,
  launch,
  open,
  person,
  signIn,
  signInByHand,
  stepUp,
  toPatients,
} from '../kit.ts';
import { plugIn } from './authenticator.ts';
import { colleague } from './invite.ts';
import { signInCode, texted, textedCode, toldOfChange, toldOfTelephone } from './mail.ts';
import { letIn, signInByCode } from './own-record.ts';
import { password } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a session on another device is seen and ended from here, and is over there at once', async () => {
    const there = await person(browser);
    const here = await colleague(browser, clinic, 'Nurse');
    await signInByHand(there.page, clinic, here.login);
    await toPatients(there.page);
    await open(here.page, `${clinic.url}/clinic/account`);
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

  test('the address to sign in with is changed by a code that goes to the new one, and the old one is told', async () => {
    const { page, troubles, login } = await colleague(browser, clinic, 'Receptionist');
    const [old, next] = [login.email, `${crypto.randomUUID()}@example.com`];
    const since = Date.now();
    await open(page, `${clinic.url}/clinic/account`);
    const address = page.getByRole('region', { name: 'E-mail address' });
    await address.getByText(old, { exact: true }).waitFor();
    await address.getByRole('button', { name: 'Change the address' }).click();
    await address.getByLabel('New e-mail address').fill(next);
    await address.getByRole('button', { name: 'Send a code there' }).click();
    await stepUp(page, clinic, login, address.getByLabel('Code of the mail'));

    const code = await signInCode(next, since);
    const wrong = code.startsWith('1') ? '22222222' : '11111111';
    await address.getByLabel('Code of the mail').fill(wrong);
    await address.getByRole('button', { name: 'Use the new address' }).click();
    await address.getByText(/^This code is wrong, was used/).waitFor();
    await address.getByLabel('Code of the mail').fill(code);
    await address.getByRole('button', { name: 'Use the new address' }).click();
    await address.getByText(`You sign in with ${next} from now on.`, { exact: false }).waitFor();
    // Whoever takes this colleague up after this test signs in with the address of now.
    login.email = next;
    await address.getByText(next, { exact: true }).waitFor();
    await toldOfChange(old, since);
    keepCodes(old, next);
    await keepSession(page, clinic, 'Receptionist');
    expect(troubles).toEqual([]);
  });

  test('a telephone is added by a code that goes to it, is told of its removal, and signs nobody in', async () => {
    const { page, troubles, login } = await colleague(browser, clinic, 'Receptionist');
    // Numbers that are nobody's; each region has its own, because both lay their texts into one folder.
    const number = clinic.region === 'us-east-1' ? '+12025550143' : '+12025550144';
    const since = Date.now();
    await open(page, `${clinic.url}/clinic/account`);
    const phone = page.getByRole('region', { name: 'Telephone for notices' });
    await phone.getByText('None', { exact: true }).waitFor();
    await phone.getByRole('button', { name: 'Add a telephone' }).click();
    await phone.getByLabel('Telephone number').fill(number);
    await phone.getByRole('button', { name: 'Send a code by SMS' }).click();
    await stepUp(page, clinic, login, phone.getByLabel('Code of the message'));

    const code = await textedCode(number, since);
    const wrong = code.startsWith('1') ? '22222222' : '11111111';
    await phone.getByLabel('Code of the message').fill(wrong);
    await phone.getByRole('button', { name: 'Use this telephone' }).click();
    await phone.getByText(/^This code is wrong, was used/).waitFor();
    await phone.getByLabel('Code of the message').fill(code);
    await phone.getByRole('button', { name: 'Use this telephone' }).click();
    await phone.getByText(`The number that ends in ${number.slice(-4)}`).waitFor();
    await toldOfTelephone(login.email, /has another telephone/, since);
    await texted(number, /told here of changes/, since);

    await phone.getByRole('button', { name: 'Remove the telephone' }).click();
    await phone.getByText('None', { exact: true }).waitFor();
    await texted(number, /not told of changes any more/, since);
    await toldOfTelephone(login.email, /has no telephone any more/, since);
    await keepSession(page, clinic, 'Receptionist');
    expect(troubles).toEqual([]);
  });

  test('a patient changes the address once there is something stronger than a code by mail', async () => {
    const desk = await person(browser);
    await signIn(desk.page, clinic, 'physician');
    const patient = await letIn(desk.page, clinic);
    await desk.context.close();
    const { page, context, troubles } = await person(browser);
    await signInByCode(page, clinic, patient.email);
    await open(page, `${clinic.url}/my/account`);
    const address = page.getByRole('region', { name: 'E-mail address' });
    await address.getByText('To change it, set up a passkey or an authenticator app first.').waitFor();
    await plugIn(context);
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByRole('button', { name: 'I have kept them' }).click();

    const [next, since] = [`${crypto.randomUUID()}@example.com`, Date.now()];
    await address.getByRole('button', { name: 'Change the address' }).click();
    await address.getByLabel('New e-mail address').fill(next);
    await address.getByRole('button', { name: 'Send a code there' }).click();
    await address.getByLabel('Code of the mail').fill(await signInCode(next, since));
    await address.getByRole('button', { name: 'Use the new address' }).click();
    await address.getByText(next, { exact: true }).waitFor();
    await toldOfChange(patient.email, since);
    expect(troubles).toEqual([]);
  });

  test('a passkey is added, signs in alone, and is removed', async () => {
    const { page, context, troubles } = await colleague(browser, clinic, 'Nurse');
    await plugIn(context);
    await open(page, `${clinic.url}/clinic/account`);
    const passkeys = page.getByRole('region', { name: 'Passkeys' });
    await passkeys.getByText('None', { exact: true }).waitFor();
    await passkeys.getByRole('button', { name: 'Add a passkey' }).click();
    await passkeys.getByText('Not used yet').waitFor();

    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    await open(page, `${clinic.url}/clinic`);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { level: 1, name: 'What waits for you' }).waitFor();

    await open(page, `${clinic.url}/clinic/account`);
    await passkeys.getByText(/^Last used/).waitFor();
    const current = page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem');
    await current.filter({ hasText: 'This one' }).getByText('passkey').waitFor();
    await passkeys.getByRole('button', { name: /^Remove/ }).click();
    await passkeys.getByText('None', { exact: true }).waitFor();
    await keepSession(page, clinic, 'Nurse');
    expect(troubles).toEqual([]);
  });
});
