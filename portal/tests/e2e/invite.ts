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
import { answered, send, senderWhoProves } from './send.ts';
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

/**
 * Somebody of a role that the stack has no login for: invited and joined once, without the forms, which tests of their own fill
 * in; taken up again after that.
 */
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
  const login = await newcomer(browser, one.page, clinic, role);
  const secret = await join(one.page, clinic, login);
  await keepSession(one.page, clinic, role);
  const ready = { ...login, totp_secret: secret };
  joined.set(`${clinic.slug} ${role}`, ready);
  return { ...one, login: ready };
}

/** Invites somebody and accepts for them, without the forms: an account with a password that was never signed in to. */
export async function newcomer(browser: Browser, page: Page, clinic: Clinic, role: string): Promise<Login> {
  const admin = await person(browser);
  await signIn(admin.page, clinic, 'clinic_admin');
  const login = { role, email: `${crypto.randomUUID()}@example.com`, password: password() };
  const asked = { email: login.email, display_name: `Demo ${role}`, role: role.toLowerCase().replaceAll(' ', '_') };
  answered(await senderWhoProves(admin.page, clinic, 'clinic_admin')('/api/v1/staff', asked));
  await admin.context.close();
  const link = await invitationLink(login.email);
  const token = link.slice(link.indexOf('#token=') + '#token='.length);
  await page.goto(`${clinic.url}/clinic`);
  const accepted = { token, password: login.password, display_name: `Demo ${role}` };
  answered(await send(page, clinic, '/api/v1/invitations/accept', accepted), 204);
  return login;
}

/** Signs in for the first time and sets up an authenticator app, without the forms; its secret. */
async function join(page: Page, clinic: Clinic, login: Login): Promise<string> {
  const { email, password } = login;
  answered(await send(page, clinic, '/api/v1/sessions', { email, password }));
  const { secret } = answered<{ secret: string }>(await send(page, clinic, '/api/v1/me/factors/totp'));
  const code = await nextCode({ ...login, totp_secret: secret });
  answered(await send(page, clinic, '/api/v1/me/factors/totp/confirm', { totp: code }), 200);
  await page.reload();
  await page.locator('.bar').waitFor();
  return secret;
}
