// The ways to every screen and dialog, for whoever looks at all of them; they know no language.
import type { Page } from 'playwright-core';
import { type Clinic, open, STACK } from '../kit.ts';
import { wantFreshProof } from './answers.ts';

/** What is done at each screen. */
export type Look = (page: Page, what: string) => Promise<void>;

function goer(page: Page, clinic: Clinic) {
  return async (path: string) => {
    await open(page, `${clinic.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
}

/** Closes what lies above a screen, which would stand in the way of the next one. */
async function closeDialog(page: Page): Promise<void> {
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** Goes to the screens about patients that have fields, identifiers or words of law of the region's, and looks at each. */
export async function walkRegional(page: Page, clinic: Clinic, look: Look): Promise<void> {
  const go = goer(page, clinic);
  const href = await aPatient(page, clinic);
  await look(page, 'patients');
  await go(href);
  await page.locator('.panel').nth(3).waitFor();
  await look(page, 'record');
  await go(`${href}/edit`);
  await page.locator('.panel').nth(3).waitFor();
  await look(page, 'correct');
  await go(`${href}/erasure`);
  await page.locator('.panel form').first().waitFor();
  await look(page, 'erasure');
  await go('/clinic/patients/new');
  await look(page, 'register');
  await page.getByRole('button').last().click();
  await page.locator('.fault').first().waitFor();
  await look(page, 'register with faults');
}

/** Goes to the list of patients, and gives the way to the last one. */
async function aPatient(page: Page, clinic: Clinic): Promise<string> {
  await goer(page, clinic)('/clinic/patients');
  await page.getByRole('table').waitFor();
  return (await page.getByRole('rowheader').getByRole('link').last().getAttribute('href')) ?? '';
}

/** Goes to the other screens about patients, which are the same in both regions, and looks at each. */
export async function walkRecords(page: Page, clinic: Clinic, look: Look): Promise<void> {
  const go = goer(page, clinic);
  await go('/clinic');
  await page.locator('.panel, .empty').first().waitFor();
  await look(page, 'worklist');
  await go('/clinic/corrections');
  await page.locator('.panel, .empty').first().waitFor();
  await look(page, 'requests of patients');
  const href = await aPatient(page, clinic);
  await go(href);
  await page.locator('.panel').nth(3).waitFor();
  await page.locator('.page-head button').first().click();
  await page.getByRole('dialog').locator('form, .notice').first().waitFor();
  await look(page, 'the patient’s own access');
  await closeDialog(page);
  await page.locator('.page-head button').nth(1).click();
  await page.getByRole('dialog').locator('fieldset').waitFor();
  await look(page, 'where the patient is registered');
  await closeDialog(page);
  await go(`${href}/documents`);
  await page.locator('.drop').waitFor();
  await look(page, 'documents');
  await page.locator('.drop input').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('a') });
  await page.locator('form select').waitFor();
  await look(page, 'document to send');
  await go(`${href}/uses`);
  await page.locator('.panel form').first().waitFor();
  await look(page, 'data given out');
  await go(`${href}/corrections`);
  await page.locator('.panel, .empty').first().waitFor();
  await look(page, 'requests of one patient');
  await go(`${href}/care-team`);
  await page.getByRole('table').waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  await look(page, 'care team');
  await go('/clinic/emergency');
  await look(page, 'emergency');
}

/** Goes to every screen about the clinic and the own account, with dialogs open, and looks at each. */
export async function walkOffice(page: Page, clinic: Clinic, look: Look): Promise<void> {
  const go = goer(page, clinic);
  await go('/clinic/staff');
  await page.getByRole('table').waitFor();
  await look(page, 'staff');
  await page.locator('.page-head').getByRole('button').click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'invite');
  await closeDialog(page);
  await page
    .getByRole('button', { name: /: Demo Doctor$/ })
    .last()
    .click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'manage an account');
  await closeDialog(page);
  await page
    .getByRole('button', { name: /: Demo Doctor$/ })
    .first()
    .click();
  const question = page.getByRole('alertdialog');
  await question.waitFor();
  await look(page, 'taking a second step');
  await question.getByRole('button').first().click();
  await question.waitFor({ state: 'detached' });
  await go('/clinic/sites');
  await page.getByRole('table').waitFor();
  await look(page, 'sites');
  await go('/clinic/programs');
  await page.locator('.panel, .empty').first().waitFor();
  await look(page, 'programs');
  await page.locator('.page-head').getByRole('button').click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'register a program');
  await page.getByRole('combobox').last().selectOption('mobile');
  await look(page, 'register an application');
  await closeDialog(page);
  await go('/clinic/sessions');
  await page.locator('form').waitFor();
  await look(page, 'how long sessions live');
  const end = await wantFreshProof(page);
  await page.locator('form button[type=submit]').click();
  await page.getByRole('dialog').locator('form').waitFor();
  await look(page, 'a fresh second step');
  await closeDialog(page);
  await end();
  await go('/clinic/imaging');
  await page.locator('form').waitFor();
  await look(page, 'how large imaging is kept');
  await go('/clinic/account');
  await page.locator('.rows').waitFor();
  await look(page, 'account');
  await go('/clinic/audit');
  await page.getByRole('table').waitFor();
  await look(page, 'log');
  await page.getByRole('combobox').first().selectOption('actor');
  await look(page, 'log of a colleague');
  await go('/clinic/keys');
  await page.getByRole('table').waitFor();
  await look(page, 'keys');
  await go('/clinic/nowhere');
  await look(page, 'nothing here');
}

/** Goes to every screen of a patient and looks at each. */
export async function walkOwn(page: Page, clinic: Clinic, look: Look): Promise<void> {
  const go = goer(page, clinic);
  await go('/my');
  await page.locator('.way-card').first().waitFor();
  await look(page, 'patient: home');
  const record = await page.locator('.way-card').first().getAttribute('href');
  await go(record ?? '');
  await page.locator('.panel').nth(3).waitFor();
  await look(page, 'patient: record');
  await go(`${record}/contact`);
  await page.locator('fieldset').nth(2).waitFor();
  await look(page, 'patient: contact');
  await go(`${record}/documents`);
  await page.locator('.papers, .empty').waitFor();
  await look(page, 'patient: documents');
  await go(`${record}/access`);
  await page.locator('.rows time').first().waitFor();
  await look(page, 'patient: who has seen it');
  await go(`${record}/corrections`);
  await page.locator('form').waitFor();
  await look(page, 'patient: corrections');
  await go('/my/account');
  await page.locator('.rows').first().waitFor();
  await look(page, 'patient: account');
  await go('/my/nowhere');
  await look(page, 'patient: nothing here');
}

/** The patients' door with both of its forms. */
export async function walkOwnDoor(page: Page, clinic: Clinic, look: Look): Promise<void> {
  const go = goer(page, clinic);
  await go('/my/signed-out');
  await look(page, 'patient: signed out');
  await go('/my');
  await look(page, 'patient: sign-in');
  await page.locator('form .quiet').click();
  await page.locator('input[autocomplete=one-time-code]').waitFor();
  await look(page, 'patient: code');
}

/** The doors of the staff, and the pages before and behind them. */
export async function walkDoors(page: Page, clinic: Clinic, look: Look): Promise<void> {
  for (const path of [
    '/clinic',
    '/clinic/signed-out',
    '/accept-invitation#token=x',
    '/accept-invitation',
    '/recover#token=x',
    '/recover',
  ]) {
    await page.goto('about:blank');
    await page.goto(`${clinic.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await look(page, path);
  }
}

/** Every screen of the console and every step of its wizard, up to the last look. */
export async function walkConsole(page: Page, look: Look): Promise<void> {
  const console_ = `${STACK.control.url}/console`;
  for (const path of ['', '/tenants', '/transit', '/directory', '/support', '/passkeys', '/nowhere']) {
    await open(page, `${console_}${path}`);
    await page.locator('.panel, .table, .empty, .page > p').first().waitFor();
    await look(page, `console${path}`);
  }
  await open(page, `${console_}/tenants/new`);
  await page.locator('input[name=legal_name]').fill('Sample Clinic');
  await look(page, 'console: who a clinic is');
  await page.locator('input[name=slug]').fill('sample-clinic');
  await page.locator('input[name=first_admin_email]').fill('admin@sample-clinic.example');
  await page.locator('form button[type=submit]').click();
  await page.getByRole('radio').first().check();
  await look(page, 'console: where its data live');
  await page.locator('form button[type=submit]').click();
  await page.locator('form dl').waitFor();
  await look(page, 'console: check and start');
  await open(page, `${console_}/tenants`);
  await page.getByRole('rowheader').getByRole('link').first().click();
  await page.getByRole('listitem').first().waitFor();
  await look(page, 'console clinic');
}
