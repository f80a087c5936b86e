// A patient's day in a real browser, in both regions: let in by the desk, at home in the own record, master of the own account.

import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, nextCode, open, person, signIn } from '../kit.ts';
import { keepBack } from './answers.ts';
import { plugIn } from './authenticator.ts';
import { lookClosely } from './closely.ts';
import { askForCode, letIn, openAccess, signedInPatient, signInByCode } from './own-record.ts';
import { phone, registered } from './patients.ts';
import { lookAt, picture } from './picture.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

const way = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click();

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('the desk lets a patient in, who sees the own record, corrects the phone, and reads who looked', async () => {
    const [desk, own] = [await person(browser), await person(browser)];
    await signIn(desk.page, clinic, 'receptionist');
    const [email, family] = [`${unique('patient')}@example.com`, unique('Own')];
    const id = await registered(desk.page, clinic, family);
    await openAccess(desk.page, email);
    const { page, troubles } = own;

    const code = await askForCode(page, clinic, email);
    const wrong = code === '00000000' ? '11111111' : '00000000';
    await page.getByLabel('Code of the mail').fill(wrong);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByText('This code is wrong, was used, is too old').waitFor();
    await page.getByLabel('Code of the mail').fill(`${code.slice(0, 4)} ${code.slice(4)}`);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: `Hello, Sample ${family}` }).waitFor();

    await way(page, 'My record');
    await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    expect(await page.title(), 'no name in what browsers keep').not.toContain(family);
    const number = phone();
    await page.getByRole('link', { name: 'How we reach you' }).click();
    const typed = page.getByLabel('Phone', { exact: true });
    await typed.fill('123');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('This is no phone number.').waitFor();
    await typed.fill(number);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(number.replaceAll(' ', ''), { exact: true }).waitFor();
    await desk.page.goto(`${clinic.url}/clinic/patients/${id}`);
    await desk.page.getByText(number.replaceAll(' ', ''), { exact: true }).waitFor();

    await way(page, 'Who has seen it');
    const looks = page.getByRole('region', { name: 'Who has seen your record' });
    await looks
      .getByText(/\(reception\) looked at the record/)
      .first()
      .waitFor();
    await looks.getByText(/let the patient see the own record/).waitFor();
    await page.getByText('Your data were given to nobody.').waitFor();
    expect(troubles).toEqual([]);
  });

  test('who is no patient is told the same as a patient, and another’s record is not there', async () => {
    const { page } = await person(browser);
    const nobody = `${unique('nobody')}@example.com`;
    await page.goto(`${clinic.url}/my`);
    await page.getByLabel('E-mail address').fill('nothing');
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await page.getByText('This is no e-mail address.').waitFor();
    await page.getByLabel('E-mail address').fill(nobody);
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await page.getByText(`If your clinic knows ${nobody}, a code is on its way`).waitFor();
    const own = await signedInPatient(browser, clinic);
    await open(own.page, `${clinic.url}/my/records/pat_aaaaaaaaaaaaaaaaaaaaaaaaaa`);
    await own.page.getByText('There is nothing here, or it is not yours to see.').waitFor();
    await own.page.goto(`${clinic.url}/clinic`);
    await own.page.getByText('This account is a patient’s.').waitFor();
    await lookClosely(own.page, 'the other door');
    await own.page.getByRole('link', { name: 'Go there' }).click();
    await own.page.getByRole('heading', { level: 1, name: /^Hello/ }).waitFor();
  });

  test('a document is there once it is checked, and opens by a link; a correction is asked for and answered', async () => {
    const [doctor, own] = [await person(browser), await person(browser)];
    const { page, troubles } = own;
    await signIn(doctor.page, clinic, 'physician');
    // One of its own, who has asked for nothing yet.
    const { id, family, email } = await letIn(doctor.page, clinic);
    await signInByCode(page, clinic, email);
    await open(doctor.page, `${clinic.url}/clinic/patients/${id}/documents`);
    const text = `Result of ${family}: 4.2\n`;
    const file = { name: 'Blood count.txt', mimeType: 'text/plain', buffer: Buffer.from(text) };
    await doctor.page.getByLabel('Choose a file or drop it here').setInputFiles(file);
    await doctor.page.getByRole('button', { name: 'Send', exact: true }).click();
    await doctor.page
      .getByRole('row', { name: /^Blood count/ })
      .getByText('In the record')
      .waitFor();
    const scan = unique('Scan');
    await doctor.page.getByLabel('Choose a file or drop it here').setInputFiles(picture(scan));
    await doctor.page.getByRole('button', { name: 'Send', exact: true }).click();
    await doctor.page
      .getByRole('row', { name: new RegExp(`^${scan}`) })
      .getByText('In the record')
      .waitFor();
    await way(page, 'Documents');
    await lookAt(page, scan);
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download: Blood count' }).first().click(),
    ]);
    expect(readFileSync(await saved.path(), 'utf8')).toBe(text);
    expect(await page.evaluate(async (url) => (await fetch(url)).status, saved.url()), 'the link works once').toBe(404);

    await way(page, 'My record');
    const listArrives = await keepBack(page, `/api/v1/patients/${id}/corrections`);
    await page.getByRole('link', { name: 'Ask for a correction' }).click();
    await page.getByRole('button', { name: 'Send to the clinic' }).hover();
    await page.mouse.down();
    // What comes is shorter than what waited for it, and nothing slips away under the finger.
    listArrives();
    await page.getByText('You have asked for nothing yet.').waitFor();
    await page.mouse.up();
    await page.getByText('Please fill this in.').first().waitFor();
    const wish = `It is ${unique('Right')}.`;
    await page.getByLabel('What is wrong').fill('The family name.');
    await page.getByLabel('What it should be').fill(wish);
    await page.getByRole('button', { name: 'Send to the clinic' }).click();
    const asked = page.getByRole('article').filter({ hasText: wish });
    await asked.getByText('Waits for an answer').waitFor();
    const reason = `The passport says otherwise, ${unique('number')}.`;
    await doctor.page.getByRole('link', { name: 'Requests', exact: true }).click();
    const waiting = doctor.page.getByRole('article').filter({ hasText: wish });
    await waiting.getByRole('heading', { name: /^Answer by / }).waitFor();
    await lookClosely(doctor.page, 'requests that wait');
    await waiting.getByRole('button', { name: 'Answer' }).press('Enter');
    const sheet = doctor.page.getByRole('dialog', { name: 'Answer' });
    await lookClosely(doctor.page, 'the answer to a request');
    await sheet.getByLabel('What the clinic decides').selectOption({ label: 'Refuse: the record stays as it is' });
    await sheet.getByRole('button', { name: 'Send the answer' }).click();
    await sheet.getByText('Please fill this in.').waitFor();
    await sheet.getByLabel('Why, in words for the patient').fill(reason);
    await sheet.getByRole('button', { name: 'Send the answer' }).click();
    await doctor.page.getByText('The patient sees the answer.').waitFor();
    await waiting.waitFor({ state: 'detached' });
    await page.reload();
    await asked.getByText('Not corrected').waitFor();
    await asked.getByText(reason).waitFor();
    await open(doctor.page, `${clinic.url}/clinic/patients/${id}`);
    await doctor.page.getByRole('link', { name: 'Patient’s requests' }).click();
    await doctor.page.getByRole('article').filter({ hasText: wish }).getByText(reason).waitFor();
    expect(await doctor.page.title(), 'nothing of the request in what browsers keep').not.toContain(wish);
    expect([...troubles, ...doctor.troubles]).toEqual([]);
  });

  test('a session elsewhere is ended, a passkey signs in alone, and a code by mail needs the app’s code then', async () => {
    const [desk, here, there] = [await person(browser), await person(browser), await person(browser)];
    await signIn(desk.page, clinic, 'receptionist');
    const { email, family } = await letIn(desk.page, clinic);
    await signInByCode(there.page, clinic, email);
    await signInByCode(here.page, clinic, email);
    await plugIn(here.context);
    const { page } = here;
    await page.getByRole('link', { name: 'Add a passkey' }).click();
    const sessions = page.getByRole('region', { name: 'Where you are signed in' });
    await sessions
      .getByText(/code by mail/)
      .first()
      .waitFor();
    await sessions.getByRole('button', { name: /^End: Since/ }).click();
    await sessions.getByRole('button', { name: /^End: Since/ }).waitFor({ state: 'detached' });
    await way(there.page, 'My record');
    await there.page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();

    const passkeys = page.getByRole('region', { name: 'Passkeys' });
    await passkeys.getByRole('button', { name: 'Add a passkey' }).click();
    await passkeys.getByRole('button', { name: 'I have kept them' }).click();
    await passkeys.getByText('Not used yet').waitFor();
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { level: 1, name: `Hello, Sample ${family}` }).waitFor();
    expect(await page.getByRole('region', { name: 'What to do next' }).count(), 'the passkey is there').toBe(0);
    await open(page, `${clinic.url}/my/account`);
    const app = page.getByRole('region', { name: 'Authenticator app' });
    await app.getByRole('button', { name: 'Set up the app' }).click();
    const secret = ((await app.locator('code.key').textContent()) ?? '').replaceAll(' ', '');
    const login = { role: 'patient', email, password: '', totp_secret: secret };
    await app.getByLabel('Code of the app').fill(await nextCode(login));
    await app.getByRole('button', { name: 'Continue' }).click();
    await app.getByText(/^In force since/).waitFor();

    const code = await askForCode(there.page, clinic, email);
    await there.page.getByLabel('Code of the mail').fill(code);
    await there.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await there.page.getByRole('heading', { level: 1, name: 'Second step' }).waitFor();
    expect(await there.page.locator('body').textContent()).not.toContain(family);
    await lookClosely(there.page, 'the second step');
    await there.page.getByLabel('Code of the app').fill(await nextCode(login));
    await there.page.getByRole('button', { name: 'Continue' }).click();
    await there.page.getByRole('heading', { level: 1, name: `Hello, Sample ${family}` }).waitFor();

    // Another day at the desk: what is open is shown, and nobody types the address again.
    await desk.page.reload();
    await desk.page.getByRole('button', { name: 'Patient’s access' }).click();
    await desk.page.getByText(`The patient can sign in with ${email}.`).waitFor();
    await desk.page.getByRole('button', { name: 'End the access' }).click();
    await desk.page.getByText('The access has ended.').waitFor();
    await way(page, 'My record');
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    expect([...here.troubles, ...desk.troubles]).toEqual([]);
  });
});
