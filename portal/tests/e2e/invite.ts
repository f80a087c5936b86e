// Inviting somebody as an administrator does it, and opening the link of the mail.
import type { Browser, Page } from 'playwright-core';
import {
  type Clinic,
  keepSession,
  type Login,
  nextCode,
  open,
  type Person,
  person,
  signIn,
  signInByHand,
  stepUp,
  takeSession,
} from '../kit.ts';
import { invitationLink } from './mail.ts';
import { password } from './unique.ts';

export interface Invited {
  email: string;
  name: string;
  role: string;
}

/** Fills the form of the page that lists the staff; the server may want a fresh second step first. */
export async function invite(page: Page, clinic: Clinic, { email, name, role }: Invited): Promise<void> {
  // An administrator begins there.
  if (!page.url().endsWith('/clinic/staff')) await open(page, `${clinic.url}/clinic/staff`);
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const sheet = page.getByRole('dialog', { name: 'Invite somebody' });
  await sheet.getByLabel('E-mail address').fill(email);
  await sheet.getByLabel('Name', { exact: true }).fill(name);
  await sheet.getByLabel('Role').selectOption({ label: role });
  await sheet.getByRole('button', { name: 'Send the invitation' }).click();
  await stepUp(page, clinic, 'clinic_admin', page.getByText(`An invitation is on its way to ${email}.`));
}

const joined = new Map<string, Login>();

/** Somebody of a role that the stack has no login for: invited, joined and signed in once, taken up again after that. */
export async function colleague(browser: Browser, clinic: Clinic, role: string): Promise<Person & { login: Login }> {
  const one = await person(browser);
  const known = joined.get(`${clinic.slug} ${role}`);
  if (known) {
    if (!(await takeSession(one.page, clinic, role))) {
      await signInByHand(one.page, clinic, known);
      await keepSession(one.page, clinic, role);
    }
    return { ...one, login: known };
  }
  const admin = await person(browser);
  await signIn(admin.page, clinic, 'clinic_admin');
  const login = { role, email: `${crypto.randomUUID()}@example.com`, password: password() };
  await invite(admin.page, clinic, { email: login.email, name: `Demo ${role}`, role });
  await admin.context.close();
  const secret = await join(one.page, await invitationLink(login.email), login);
  await keepSession(one.page, clinic, role);
  const ready = { ...login, totp_secret: secret };
  joined.set(`${clinic.slug} ${role}`, ready);
  return { ...one, login: ready };
}

/** Accepts an invitation, signs in for the first time and sets up an authenticator app, whose secret it gives. */
async function join(page: Page, link: string, login: Login): Promise<string> {
  await page.goto(link);
  await page.getByLabel('Your name').fill(`Demo ${login.role}`);
  await page.getByLabel('Password of your choice').fill(login.password);
  await page.getByLabel('The password once more').fill(login.password);
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByLabel('E-mail address').fill(login.email);
  await page.getByLabel('Password').fill(login.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Set up your second step' }).waitFor();
  const secret = (await page.locator('code.key').textContent())?.replaceAll(' ', '') ?? '';
  await page.getByLabel('Code of the app').fill(await nextCode({ ...login, totp_secret: secret }));
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.locator('.bar').waitFor();
  return secret;
}
