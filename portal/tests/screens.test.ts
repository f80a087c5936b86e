// Pictures of every screen, light and dark, wide and narrow, for people to look at: `cargo xtask portal screens`.
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { colleague, newcomer } from './e2e/invite.ts';
import { question, registerApplication } from './e2e/oauth.ts';
import { askForCode, letIn, signedInPatient, signInByCode } from './e2e/own-record.ts';
import { phone } from './e2e/patients.ts';
import { setUpSecondStep } from './e2e/second-step.ts';
import { answered, send } from './e2e/send.ts';
import { unique } from './e2e/unique.ts';
import {
  type Clinic,
  clinicOf,
  keepSession,
  type Login,
  launch,
  loginOf,
  nextCode,
  person,
  STACK,
  signIn,
  signInToConsole,
} from './kit.ts';

const OUT = new URL('../screens/', import.meta.url).pathname;
/** Where those are kept that docs/portal.md shows; they are made anew only when somebody says so. */
const DOCS = new URL('../../docs/portal/', import.meta.url).pathname;
const FOR_DOCS = process.env.DOMICILE_DOCS === '1';
/** Which are shown there, and in which colours. The clinic's are those of the first region. */
const SHOWN: Record<string, 'light' | 'dark'> = {
  'second-step': 'light',
  worklist: 'light',
  record: 'light',
  'documents-with-one': 'dark',
  'care-team': 'light',
  emergency: 'dark',
  'officer-erasure-and-holds': 'light',
  log: 'dark',
  keys: 'light',
  'patient-home': 'light',
  'patient-access': 'dark',
  'console-regions': 'dark',
  'console-onboard-where': 'light',
  'console-clinic': 'light',
};
const SHOWN_SIZE = { width: 1024, height: 640 };
/** So much of a picture may weigh there, in bytes. */
const SHOWN_MAX_BYTES = 100_000;
let browser: Browser;

beforeAll(async () => {
  for (const folder of FOR_DOCS ? [OUT, DOCS] : [OUT]) mkdirSync(folder, { recursive: true });
  browser = await launch();
});

/** Keeps what a window shows of a screen at first, if it is one that the documents show. */
async function keepForDocs(page: Page, name: string, scheme: 'light' | 'dark'): Promise<void> {
  const shown = name.replace(`${clinicOf('us-east-1').slug}-`, '');
  if (!FOR_DOCS || SHOWN[shown] !== scheme) return;
  await page.setViewportSize(SHOWN_SIZE);
  await page.evaluate(() => window.scrollTo(0, 0));
  const { length } = await page.screenshot({ path: `${DOCS}${shown}-${scheme}.jpg`, type: 'jpeg', quality: 80 });
  expect(length, `bytes of ${shown}`).toBeLessThanOrEqual(SHOWN_MAX_BYTES);
}

async function picture(page: Page, name: string): Promise<void> {
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [size, width, height] of [
      ['wide', 1280, 860],
      ['narrow', 360, 780],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: `${OUT}${name}-${colorScheme}-${size}.png`, fullPage: true });
    }
    await keepForDocs(page, name, colorScheme);
  }
  await page.setViewportSize({ width: 1280, height: 860 });
}

type Shot = (name: string) => Promise<void>;

/** Presses what opens a dialog, takes its picture, and closes it again; a question is closed by its own button. */
async function dialog(page: Page, opens: string | RegExp, shot: Shot, name: string): Promise<void> {
  await page.getByRole('button', { name: opens }).first().click();
  const sheet = page.getByRole('dialog').or(page.getByRole('alertdialog'));
  await sheet.waitFor();
  await shot(name);
  const closes = sheet.getByRole('button', { name: /^(Cancel|Close)$/ }).first();
  await closes.click();
  await sheet.waitFor({ state: 'detached' });
}

/** The dialogs about one document that was sent and accepted. */
async function documentDialogs(page: Page, record: string, shot: Shot): Promise<void> {
  await page.goto(`${record}/documents`);
  const file = { name: 'letter.txt', mimeType: 'text/plain', buffer: Buffer.from('A letter.\n') };
  await page.getByLabel('Choose a file or drop it here').setInputFiles(file);
  await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
  await shot('document-to-send');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page
    .getByRole('row', { name: /^letter/ })
    .first()
    .getByText('In the record')
    .waitFor();
  await shot('documents-with-one');
  await dialog(page, /^Correct: letter/, shot, 'correct-document');
  await dialog(page, /^Replace: letter/, shot, 'replace-document');
  await dialog(page, /^Take out: letter/, shot, 'take-out-document');
}

/** Types what somebody knows, at the staff's door. */
async function typePassword(page: Page, clinic: Clinic, { email, password }: Login): Promise<void> {
  await page.goto(`${clinic.url}/clinic`);
  await page.locator('input[type=email]').fill(email);
  await page.locator('input[type=password]').fill(password);
  await page.locator('button[type=submit]').click();
}

/** A colleague's first time at the door: the second step is set up, and the recovery codes are shown once. */
async function firstSignIn(clinic: Clinic, shot: (name: string, page: Page) => Promise<void>): Promise<void> {
  const { page, troubles } = await person(browser);
  const login = await newcomer(browser, page, clinic, 'Nurse');
  await typePassword(page, clinic, login);
  await setUpSecondStep(page, login.email, (screen) => shot(screen.replaceAll(' ', '-'), page));
  await page.locator('.bar').waitFor();
  expect(troubles).toEqual([]);
}

/** What the privacy officer sees and decides, about somebody new: holds and requests stay. */
async function officerScreens(clinic: Clinic, id: string, shot: (page: Page, name: string) => Promise<void>) {
  const { page, troubles } = await colleague(browser, clinic, 'Privacy officer');
  const mine: Shot = (name) => shot(page, name);
  const record = `${clinic.url}/clinic/patients/${id}`;
  await page.goto(`${clinic.url}/clinic`);
  await page.locator('.panel, .empty').first().waitFor();
  await mine('officer-worklist');
  await page.goto(`${clinic.url}/clinic/emergency`);
  await page.locator('.panel, .empty').first().waitFor();
  await mine('officer-emergency-reviews');
  await page.goto(`${record}/uses`);
  await page.locator('.rows time').first().waitFor();
  await mine('officer-who-used');
  await page.goto(`${record}/erasure`);
  const holds = page.getByRole('region', { name: 'Legal holds' });
  await holds.waitFor();
  await mine('officer-erasure-and-holds');
  await dialog(page, 'Agree to the erasure', mine, 'officer-agree');
  await holds.getByLabel('Why it must be kept').selectOption('litigation');
  await holds.getByRole('button', { name: 'Put a legal hold' }).click();
  await page.getByText('The hold stands from now on.').waitFor();
  await mine('officer-hold-stands');
  await dialog(page, 'Lift the hold', mine, 'officer-lift');
  for (const [path, part, name] of [
    ['/corrections', '.panel, .empty', 'requests'],
    ['/staff', '.table', 'staff'],
    ['/programs', '.panel, .empty', 'programs'],
    ['/audit', '.table', 'log'],
    ['/keys', '.table', 'keys'],
    ['/support-access', '.panel, .empty, .table', 'support-access'],
  ] as const) {
    await page.goto(`${clinic.url}/clinic${path}`);
    await page.locator(part).first().waitFor();
    await mine(`officer-${name}`);
  }
  expect(troubles).toEqual([]);
}

test.each(['us-east-1', 'ap-south-1'])('staff screens in %s', async (region) => {
  const clinic = clinicOf(region);
  const { page, troubles } = await person(browser);
  const shot = (name: string, at = page) => picture(at, `${clinic.slug}-${name}`);
  await page.goto(`${clinic.url}/clinic`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await shot('sign-in');
  await page.goto(`${clinic.url}/accept-invitation#token=x`);
  await page.getByRole('button', { name: 'Accept' }).waitFor();
  await shot('accept-invitation');
  await page.goto('about:blank');
  await page.goto(`${clinic.url}/recover#token=x`);
  await page.getByRole('button', { name: 'Set the password' }).waitFor();
  await shot('new-password');
  await page.goto(`${clinic.url}/recover`);
  await page.getByRole('button', { name: 'Send me a link' }).waitFor();
  await shot('forgotten-password');
  await page.goto(`${clinic.url}/clinic/signed-out`);
  await page.getByRole('link', { name: 'Sign in again' }).waitFor();
  await shot('signed-out');
  await firstSignIn(clinic, shot);
  const login = loginOf(clinic.logins, 'physician');
  await typePassword(page, clinic, login);
  await page.locator('input[autocomplete=one-time-code]').waitFor();
  await shot('second-step');
  await page.locator('input[autocomplete=one-time-code]').fill(await nextCode(login));
  await page.locator('button[type=submit]').click();
  await page.locator('.bar').waitFor();
  await keepSession(page, clinic, 'physician');
  await page.locator('.panel, .empty').first().waitFor();
  await shot('worklist');
  const somebody = answered<{ id: string }>(
    await send(page, clinic, '/api/v1/patients', {
      names: [{ use: 'usual', given: ['Sample'], family: unique('Officer') }],
      birth_date: '1991-01-01',
      sex: 'female',
      mrn: unique('MRN').slice(0, 12),
      phones: [{ value: phone().replaceAll(' ', '') }],
      addresses: [{ lines: ['12 Sample Street'], city: 'Sampleton' }],
    }),
  );
  await page.goto(`${clinic.url}/clinic/corrections`);
  await page.locator('.panel, .empty').first().waitFor();
  await shot('requests');
  await page.goto(`${clinic.url}/clinic/patients`);
  await page.getByRole('table').waitFor();
  await shot('patients');
  await page.getByLabel('Search for').fill('zz');
  await page.getByText('Nobody in this clinic matches').waitFor();
  await shot('search-nobody');
  await page.goto(`${clinic.url}/clinic/patients/new`);
  await page.locator('form').waitFor();
  await shot('register');
  await page.goto(`${clinic.url}/clinic/patients/${somebody.id}`);
  await page.getByRole('button', { name: 'Print' }).waitFor();
  await shot('record');
  await page.emulateMedia({ media: 'print' });
  await page.screenshot({ path: `${OUT}${clinic.slug}-record-printed.png`, fullPage: true });
  await page.emulateMedia({ media: null });
  await page.getByRole('button', { name: 'Patient’s access' }).click();
  await page.getByRole('dialog').waitFor();
  await shot('open-access');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Where registered' }).click();
  await page.getByRole('dialog').getByRole('group').waitFor();
  await shot('registered-at');
  await page.keyboard.press('Escape');
  const record = page.url();
  await page.getByRole('link', { name: 'Correct' }).click();
  await page.getByRole('button', { name: 'Save' }).waitFor();
  await shot('edit');
  await page.goto(`${record}/documents`);
  await page.locator('.drop').waitFor();
  await shot('documents');
  await documentDialogs(page, record, shot);
  await page.goto(`${record}/care-team`);
  await page.getByRole('table').waitFor();
  await shot('care-team');
  await dialog(page, /^Take off the team/, shot, 'leave-care-team');
  await page.goto(`${record}/proxies`);
  await page.locator('form').waitFor();
  await shot('proxies');
  await page.goto(`${record}/corrections`);
  await page.locator('.panel, .empty').first().waitFor();
  await shot('patients-requests');
  await page.goto(`${record}/erasure`);
  await page.locator('form').waitFor();
  await shot('erasure');
  // Whoever asks cannot agree: the privacy officer does further down.
  const asked = await send(page, clinic, `/api/v1/patients/${somebody.id}/erasures`, { basis: 'registered_in_error' });
  answered(asked);
  await page.goto(`${record}/uses`);
  await page.locator('form').waitFor();
  await shot('given');
  await page.goto(`${clinic.url}/clinic/emergency`);
  await page.getByRole('button', { name: 'Open in an emergency' }).waitFor();
  await shot('emergency');
  await signIn(page, clinic, 'clinic_admin');
  await page.getByRole('table').waitFor();
  await shot('staff');
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByRole('dialog').waitFor();
  await shot('invite');
  await page.keyboard.press('Escape');
  await dialog(page, 'Manage: Demo Doctor', shot, 'manage');
  await dialog(page, /^Reset second step: /, shot, 'reset-second-step');
  await page.goto(`${clinic.url}/clinic/sites`);
  await page.getByRole('table').waitFor();
  await shot('sites');
  await dialog(page, /^Rename: /, shot, 'rename-site');
  await page.getByLabel('Name', { exact: true }).fill(unique('Annex'));
  await page.getByRole('button', { name: 'Add the site' }).click();
  await page
    .getByRole('button', { name: /^Close: / })
    .first()
    .waitFor();
  await dialog(page, /^Close: /, shot, 'close-site');
  await page.goto(`${clinic.url}/clinic/programs`);
  await page.locator('.panel, .empty').first().waitFor();
  await shot('programs');
  await page.getByRole('button', { name: 'Register a program' }).click();
  await page.getByRole('dialog').waitFor();
  await shot('register-program');
  const application = await registerApplication(page, clinic, unique('Pocket'));
  await shot('programs-with-one');
  await dialog(page, /^Change: /, shot, 'change-program');
  await dialog(page, /^End it for good: /, shot, 'end-program');
  await page.goto(`${clinic.url}/clinic/sessions`);
  await page.locator('form').waitFor();
  await shot('sessions');
  await page.goto(`${clinic.url}/clinic/imaging`);
  await page.locator('form').waitFor();
  await shot('imaging');
  await page.goto(`${clinic.url}/clinic/audit`);
  await page.getByRole('table').waitFor();
  await shot('log');
  await page.goto(`${clinic.url}/clinic/keys`);
  await page.getByRole('table').waitFor();
  await shot('keys');
  await page.goto(`${clinic.url}/clinic/support-access`);
  await page.locator('.panel, .empty, .table').first().waitFor();
  await shot('support-access');
  await page.goto(`${clinic.url}/clinic/account`);
  await page.locator('.rows').waitFor();
  await shot('account');
  await officerScreens(clinic, somebody.id, (at, name) => picture(at, `${clinic.slug}-${name}`));
  const own = await signedInPatient(browser, clinic);
  await own.page.goto(question(clinic, application, unique('verifier').repeat(4)));
  await own.page.getByRole('button', { name: 'Let it in', exact: true }).waitFor();
  await picture(own.page, `${clinic.slug}-patient-consent`);
  expect([...troubles, ...own.troubles]).toEqual([]);
});

/** A patient sets up an app on the own account, which asks for its code at the next sign-in. */
async function patientsSecondStep(clinic: Clinic, shot: (page: Page, name: string) => Promise<void>): Promise<void> {
  const [desk, own] = [await person(browser), await person(browser)];
  await signIn(desk.page, clinic, 'physician');
  const { email } = await letIn(desk.page, clinic);
  const { page } = own;
  await signInByCode(page, clinic, email);
  await page.goto(`${clinic.url}/my/account`);
  const app = page.getByRole('region', { name: 'Authenticator app' });
  await app.getByRole('button', { name: 'Set up the app' }).click();
  const secret = ((await app.locator('code.key').textContent()) ?? '').replaceAll(' ', '');
  await shot(page, 'app-to-set-up');
  const login = { role: 'patient', email, password: '', totp_secret: secret };
  await app.getByLabel('Code of the app').fill(await nextCode(login));
  await app.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'I have kept them' }).waitFor();
  await shot(page, 'recovery-codes');
  await page.context().clearCookies();
  const code = await askForCode(page, clinic, email);
  await page.locator('input[autocomplete=one-time-code]').fill(code);
  await page.locator('button[type=submit]').click();
  await page.getByRole('heading', { level: 1, name: 'Second step' }).waitFor();
  await shot(page, 'second-step');
  expect([...desk.troubles, ...own.troubles]).toEqual([]);
}

test.each(['us-east-1', 'ap-south-1'])('patient screens in %s', async (region) => {
  const clinic = clinicOf(region);
  const visitor = await person(browser);
  const shot = (page: Page, name: string) => picture(page, `${clinic.slug}-patient-${name}`);
  await visitor.page.goto(`${clinic.url}/my`);
  await visitor.page.getByRole('heading', { level: 1 }).waitFor();
  await shot(visitor.page, 'sign-in');
  await visitor.page.getByLabel('E-mail address').fill('asha@example.com');
  await visitor.page.getByRole('button', { name: 'Send me a code' }).click();
  await visitor.page.getByLabel('Code of the mail').waitFor();
  await shot(visitor.page, 'code');
  await visitor.page.goto(`${clinic.url}/my/signed-out`);
  await visitor.page.getByRole('link', { name: 'Sign in again' }).waitFor();
  await shot(visitor.page, 'signed-out');
  const { page, id, troubles } = await signedInPatient(browser, clinic);
  await page.locator('.next').waitFor();
  await shot(page, 'home');
  for (const [below, part, name] of [
    ['', '.panel', 'record'],
    ['/contact', 'fieldset', 'contact'],
    ['/documents', '.papers, .empty', 'documents'],
    ['/access', '.rows time', 'access'],
    ['/corrections', 'form', 'corrections'],
    ['/proxies', '.panel, .empty', 'who-stands-in'],
  ] as const) {
    await page.goto(`${clinic.url}/my/records/${id}${below}`);
    await page.locator(part).first().waitFor();
    await shot(page, name);
  }
  await page.goto(`${clinic.url}/my/account`);
  await page.locator('.rows').first().waitFor();
  await shot(page, 'account');
  await patientsSecondStep(clinic, shot);
  expect([...troubles, ...visitor.troubles]).toEqual([]);
});

test('console screens', async () => {
  const { page, troubles } = await person(browser);
  await page.goto(`${STACK.control.url}/console`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await picture(page, 'console-sign-in');
  await page.goto(`${STACK.control.url}/console/enrol#token=x`);
  await page.getByRole('button', { name: 'Make the passkey' }).waitFor();
  await picture(page, 'console-first-passkey');
  await page.goto(`${STACK.control.url}/console/signed-out`);
  await page.getByRole('link', { name: 'Sign in again' }).waitFor();
  await picture(page, 'console-signed-out');
  await signInToConsole(page);
  await picture(page, 'console-regions');
  for (const [way, heading] of [
    ['Clinics', 'Clinics'],
    ['Transit', 'Transit'],
    ['Directory', 'Directory'],
  ] as const) {
    await page.getByRole('link', { name: way, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await page.getByRole('table').first().waitFor();
    await picture(page, `console-${way.toLowerCase()}`);
  }
  await page.getByRole('link', { name: 'Clinics', exact: true }).click();
  await page.getByRole('link', { name: 'Take on a clinic' }).click();
  await page.getByLabel('Legal name').fill('Sample Clinic');
  await page.getByLabel('Name in addresses').fill('sample-clinic');
  await page.getByLabel('E-mail address of its first administrator').fill('admin@sample-clinic.example');
  await picture(page, 'console-onboard');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('radio', { name: /India/ }).check();
  await picture(page, 'console-onboard-where');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('sample-clinic', { exact: true }).waitFor();
  await picture(page, 'console-onboard-check');
  await page.getByRole('link', { name: 'Clinics', exact: true }).click();
  await page.getByRole('row').nth(1).getByRole('link').click();
  await page.getByRole('listitem').first().waitFor();
  await picture(page, 'console-clinic');
  const shot: Shot = (name) => picture(page, `console-${name}`);
  await page.getByRole('link', { name: 'Clinics', exact: true }).click();
  await page.getByRole('link', { name: clinicOf('us-east-1').slug, exact: true }).click();
  await dialog(page, 'Suspend', shot, 'suspend');
  await dialog(page, /^End$/, shot, 'end');
  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitem', { name: 'Own passkeys' }).click();
  await page.getByRole('button', { name: 'Add a passkey' }).waitFor();
  await picture(page, 'console-own-passkeys');
  expect(troubles).toEqual([]);
});

test('console screens of support', async () => {
  const { page, troubles } = await person(browser);
  await signInToConsole(page, 'platform_support');
  const shot: Shot = (name) => picture(page, `console-support-${name}`);
  await page.getByRole('link', { name: 'Clinics', exact: true }).click();
  await page.getByRole('link', { name: clinicOf('us-east-1').slug, exact: true }).click();
  await page.getByRole('button', { name: 'Ask for a grant' }).click();
  await page.getByLabel('Why').fill('Reminders wait: the mail of this clinic has stood since the morning.');
  await shot('ask');
  await page.getByRole('button', { name: 'Ask the clinic' }).click();
  await page.getByText('The clinic’s administrator has not answered yet.').waitFor();
  await shot('grant');
  await dialog(page, 'End the grant', shot, 'end-grant');
  await page.getByRole('button', { name: 'End the grant' }).click();
  await page.getByRole('alertdialog').getByRole('button', { name: 'End the grant' }).click();
  await page.getByText('Ended', { exact: true }).waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Support', exact: true }).click();
  await page.getByRole('table').waitFor();
  await shot('grants');
  expect(troubles).toEqual([]);
});
