// A clinic's day in a real browser, in both regions: the desk, an invitation, a physician, two people at one record.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, open, person, signIn, stepUp, toPatients } from '../kit.ts';
import { totp } from '../totp.ts';
import { colleague, invite } from './invite.ts';
import { invitationLink } from './mail.ts';
import { openBySearch, phone, register, registered } from './patients.ts';
import { password, unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('the desk registers, finds and corrects a patient, and is warned before a second record of one person', async () => {
    const { page, troubles } = await person(browser);
    const [family, number] = [unique('Desk'), phone()];
    await signIn(page, clinic, 'receptionist');
    await register(page, family, { number });
    await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await openBySearch(page, clinic, family);
    expect(await page.title(), 'no name in what browsers keep').not.toContain(family);

    await page.getByRole('link', { name: 'Correct' }).click();
    await page.getByLabel('Given names').fill('Corrected');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { level: 1, name: `Corrected ${family}` }).waitFor();

    await open(page, `${clinic.url}/clinic/patients`);
    await register(page, unique('Other'), { number });
    const warning = page.getByRole('alertdialog', { name: 'Is it one of these?' });
    await warning.getByRole('link', { name: `Corrected ${family}` }).click();
    await page.getByRole('heading', { level: 1, name: `Corrected ${family}` }).waitFor();
    expect(troubles).toEqual([]);
  });

  test('what breaks a rule is said beside the field, and the focus goes there', async () => {
    const { page } = await person(browser);
    await signIn(page, clinic, 'receptionist');
    await register(page, unique('Wrong'), { number: '123' });
    await page.getByText('This is no phone number.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('tel');
  });

  test('somebody is invited, accepts by the link of the mail, and works in the role given', async () => {
    const admin = await person(browser);
    const email = `${unique('nurse')}@example.com`;
    await signIn(admin.page, clinic, 'clinic_admin');
    await admin.page.getByRole('heading', { level: 1, name: 'Staff' }).waitFor();
    expect(await admin.page.getByRole('link', { name: 'Patients' }).count(), 'no patient is an administrator’s').toBe(
      0,
    );
    await invite(admin.page, clinic, { email, name: 'Demo Nurse', role: 'Nurse' });

    const { page, troubles } = await person(browser);
    await page.goto(await invitationLink(email));
    await page.getByLabel('Your name').fill('Demo Nurse');
    expect(page.url(), 'the token has left the address').toBe(`${clinic.url}/accept-invitation`);
    const choose = async (typed: string) => {
      await page.getByLabel('Password of your choice').fill(typed);
      await page.getByLabel('The password once more').fill(typed);
      await page.getByRole('button', { name: 'Accept' }).click();
    };
    await choose('short');
    await page.getByText('This password is too short.').waitFor();
    const chosen = password();
    await choose(chosen);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Password').fill(chosen);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Set up your second step' }).waitFor();
    const key = (await page.locator('code.key').textContent())?.replaceAll(' ', '') ?? '';
    await page.getByLabel('Code of the app').fill(totp(key, Math.floor(Date.now() / 30_000)));
    await page.getByRole('button', { name: 'Continue' }).click();
    const kept = page.getByRole('button', { name: 'I have kept them' });
    await kept.waitFor();
    expect(await page.getByRole('listitem').count(), 'recovery codes').toBe(10);
    await kept.click();
    await page.getByRole('heading', { level: 1, name: 'What waits for you' }).waitFor();
    await page.getByText('Nothing waits for you.').waitFor();
    expect(await page.getByRole('link', { name: 'Staff' }).count(), 'a nurse has no list of staff').toBe(0);
    expect(troubles).toEqual([]);
  });

  test('an administrator gives another role and closes an account; both count from the next request', async () => {
    const admin = await person(browser);
    const biller = await colleague(browser, clinic, 'Billing');
    await toPatients(biller.page);
    expect(await biller.page.getByRole('link', { name: 'Register a patient' }).count()).toBe(0);
    await signIn(admin.page, clinic, 'clinic_admin');
    const row = admin.page.getByRole('row').filter({ hasText: biller.login.email });
    await row.getByRole('button', { name: 'Manage: Demo Billing' }).click();
    const sheet = admin.page.getByRole('dialog', { name: 'The account of Demo Billing' });
    await sheet.getByLabel('Role').selectOption({ label: 'Receptionist' });
    await sheet.getByRole('button', { name: 'Give this role' }).click();
    await stepUp(admin.page, clinic, 'clinic_admin', sheet.getByText('The new role counts from their next request.'));
    await biller.page.reload();
    await biller.page.getByRole('link', { name: 'Register a patient' }).waitFor();

    await sheet.getByRole('button', { name: 'Close the account' }).click();
    await sheet.getByText('The account is closed and its sessions have ended.').waitFor();
    await biller.page.reload();
    await biller.page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    await sheet.getByRole('button', { name: 'Open the account again' }).click();
    await sheet.getByText('The account takes its password again.').waitFor();
    expect(admin.troubles).toEqual([]);
  });

  test('of two who correct one record the second sees both versions and loses nothing', async () => {
    const [desk, doctor] = [await person(browser), await person(browser)];
    const family = unique('Both');
    await signIn(desk.page, clinic, 'receptionist');
    await signIn(doctor.page, clinic, 'physician');
    // Who registers is the first of the care team; the desk sees whoever comes to its site.
    await registered(doctor.page, clinic, family);
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
    await open(page, `${clinic.url}/clinic/patients/pat_aaaaaaaaaaaaaaaaaaaaaaaaaa`);
    await page.getByText('There is nothing here, or it is not yours to see.').waitFor();
  });
});
