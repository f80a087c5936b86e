// A clinic's day in a real browser, in both regions: the desk, an invitation, a physician, two people at one record.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Clinic, clinicOf, launch, person, signIn, stepUp } from '../kit.ts';
import { totp } from '../totp.ts';
import { invitationLink } from './mail.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** A name of letters that no other run has. */
function unique(name: string): string {
  const letters = crypto.getRandomValues(new Uint8Array(10));
  return name + [...letters].map((byte) => String.fromCharCode(97 + (byte % 26))).join('');
}

/** A number of the range that is reserved for fiction; with a country code it is the same in both regions. */
function phone(): string {
  const [area = 0, last = 0] = crypto.getRandomValues(new Uint16Array(2));
  return `+1 ${201 + (area % 700)} 555 01${String(last % 100).padStart(2, '0')}`;
}

async function register(page: Page, family: string, number = phone()): Promise<void> {
  await page.getByRole('link', { name: 'Register a patient' }).click();
  await page.getByLabel('Given names').fill('Sample');
  await page.getByLabel('Family name').fill(family);
  await page.getByLabel('Date of birth').fill('1990-05-17');
  await page.getByLabel('Administrative sex').selectOption('female');
  await page.getByLabel('Phone', { exact: true }).fill(number);
  await page.getByRole('button', { name: 'Register', exact: true }).click();
}

async function openBySearch(page: Page, clinic: Clinic, family: string): Promise<void> {
  await page.goto(`${clinic.url}/clinic/patients`);
  await page.getByLabel('Search for').fill(family.slice(0, 10));
  await page.getByRole('link', { name: `Sample ${family}` }).click();
  await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
}

describe.each(['us-east-1', 'ap-south-1'])('in %s', (region) => {
  const clinic = clinicOf(region);

  test('the desk registers, finds and corrects a patient, and is warned before a second record of one person', async () => {
    const { page, troubles } = await person(browser);
    const [family, number] = [unique('Desk'), phone()];
    await signIn(page, clinic, 'receptionist');
    await register(page, family, number);
    await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await openBySearch(page, clinic, family);
    expect(await page.title(), 'no name in what browsers keep').not.toContain(family);

    await page.getByRole('link', { name: 'Correct' }).click();
    await page.getByLabel('Given names').fill('Corrected');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: `Corrected ${family}` }).waitFor();

    await page.goto(`${clinic.url}/clinic/patients`);
    await register(page, unique('Other'), number);
    const warning = page.getByRole('alertdialog', { name: 'Is it one of these?' });
    await warning.getByRole('link', { name: `Corrected ${family}` }).click();
    await page.getByRole('heading', { level: 1, name: `Corrected ${family}` }).waitFor();
    expect(troubles).toEqual([]);
  });

  test('what breaks a rule is said beside the field, and the focus goes there', async () => {
    const { page } = await person(browser);
    await signIn(page, clinic, 'receptionist');
    await register(page, unique('Wrong'), '123');
    await page.getByText('This is no phone number.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('tel');
  });

  test('somebody is invited, accepts by the link of the mail, and works in the role given', async () => {
    const admin = await person(browser);
    const email = `${unique('nurse')}@example.com`;
    await signIn(admin.page, clinic, 'clinic_admin');
    await admin.page.getByRole('link', { name: 'Staff' }).click();
    await admin.page.getByRole('button', { name: 'Invite somebody' }).click();
    const sheet = admin.page.getByRole('dialog', { name: 'Invite somebody' });
    await sheet.getByLabel('E-mail address').fill(email);
    await sheet.getByLabel('Name', { exact: true }).fill('Demo Nurse');
    await sheet.getByLabel('Role').selectOption({ label: 'Nurse' });
    await sheet.getByRole('button', { name: 'Send the invitation' }).click();
    await stepUp(admin.page, clinic, 'clinic_admin');
    await admin.page.getByText(`An invitation is on its way to ${email}.`).waitFor();

    const { page, troubles } = await person(browser);
    await page.goto(await invitationLink(email));
    await page.getByLabel('Your name').fill('Demo Nurse');
    expect(page.url(), 'the token has left the address').toBe(`${clinic.url}/accept-invitation`);
    const choose = async (password: string) => {
      await page.getByLabel('Password of your choice').fill(password);
      await page.getByLabel('The password once more').fill(password);
      await page.getByRole('button', { name: 'Accept' }).click();
    };
    await choose('short');
    await page.getByText('This password is too short.').waitFor();
    const password = crypto.randomUUID();
    await choose(password);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Set up your second step' }).waitFor();
    const key = (await page.locator('code.key').textContent())?.replaceAll(' ', '') ?? '';
    await page.getByLabel('Code of the app').fill(totp(key, Math.floor(Date.now() / 30_000)));
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await page.getByRole('listitem').count(), 'recovery codes').toBe(10);
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByRole('heading', { level: 1, name: 'Patients' }).waitFor();
    expect(await page.getByRole('link', { name: 'Staff' }).count(), 'a nurse has no list of staff').toBe(0);
    expect(troubles).toEqual([]);
  });

  test('of two who correct one record the second sees both versions and loses nothing', async () => {
    const [desk, doctor] = [await person(browser), await person(browser)];
    const family = unique('Both');
    await signIn(desk.page, clinic, 'receptionist');
    await signIn(doctor.page, clinic, 'physician');
    // Who registers is the first of the care team; the desk sees whoever comes to its site.
    await register(doctor.page, family);
    await doctor.page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await openBySearch(desk.page, clinic, family);
    for (const { page } of [desk, doctor]) {
      await page.getByRole('link', { name: 'Correct' }).click();
      await page.getByLabel('Record number').waitFor();
    }
    await desk.page.getByLabel('Record number').fill(unique('A'));
    await desk.page.getByRole('button', { name: 'Save' }).click();
    await desk.page.getByRole('button', { name: 'Print' }).waitFor();

    await doctor.page.getByLabel('Given names').fill('Physicianly');
    await doctor.page.getByRole('button', { name: 'Save' }).click();
    const conflict = doctor.page.getByRole('alertdialog', { name: 'Somebody else has changed this record' });
    await conflict.getByRole('row', { name: /Names/ }).waitFor();
    await conflict.getByRole('button', { name: 'Save mine over it' }).click();
    await doctor.page.getByRole('heading', { level: 1, name: `Physicianly ${family}` }).waitFor();
  });

  test('an address of nobody says that there is nothing', async () => {
    const { page } = await person(browser);
    await signIn(page, clinic, 'physician');
    await page.goto(`${clinic.url}/clinic/patients/pat_aaaaaaaaaaaaaaaaaaaaaaaaaa`);
    await page.getByText('There is nothing here, or it is not yours to see.').waitFor();
  });
});
