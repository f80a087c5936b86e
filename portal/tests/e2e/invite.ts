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
import { senderWhoProves } from './send.ts';
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
  const admin = await person(browser);
  await signIn(admin.page, clinic, 'clinic_admin');
  const login = { role, email: `${crypto.randomUUID()}@example.com`, password: password() };
  const asked = { email: login.email, display_name: `Demo ${role}`, role: role.toLowerCase().replaceAll(' ', '_') };
  const invited = await senderWhoProves(admin.page, clinic, 'clinic_admin')('/api/v1/staff', asked);
  if (!invited.startsWith('2')) throw new Error(`not invited: ${invited}`);
  await admin.context.close();
  const secret = await join(one.page, clinic, await invitationLink(login.email), login);
  await keepSession(one.page, clinic, role);
  const ready = { ...login, totp_secret: secret };
  joined.set(`${clinic.slug} ${role}`, ready);
  return { ...one, login: ready };
}

/** Accepts an invitation, signs in for the first time and sets up an authenticator app, without the forms; its secret. */
async function join(page: Page, clinic: Clinic, link: string, login: Login): Promise<string> {
  await page.goto(`${clinic.url}/clinic`);
  const token = link.slice(link.indexOf('#token=') + '#token='.length);
  const name = `Demo ${login.role}`;
  await post(page, '/api/v1/invitations/accept', { token, password: login.password, display_name: name });
  const session = await post(page, '/api/v1/sessions', { email: login.email, password: login.password });
  const csrf = String(session.csrf_token);
  const secret = String((await post(page, '/api/v1/me/factors/totp', undefined, csrf)).secret);
  const code = await nextCode({ ...login, totp_secret: secret });
  await post(page, '/api/v1/me/factors/totp/confirm', { totp: code }, csrf);
  await page.reload();
  await page.locator('.bar').waitFor();
  return secret;
}

/** Sends what nobody is signed in for yet, and gives the answer. */
function post(page: Page, path: string, body?: object, csrf?: string): Promise<Record<string, unknown>> {
  return page.evaluate(
    async ([address = '', text = '', token = '']) => {
      const headers = { ...(text && { 'content-type': 'application/json' }), ...(token && { 'x-csrf-token': token }) };
      const answer = await fetch(address, { method: 'POST', headers, body: text || null });
      const said = await answer.text();
      if (!answer.ok) throw new Error(`${address}: ${answer.status} ${said}`);
      return said ? JSON.parse(said) : {};
    },
    [path, body ? JSON.stringify(body) : '', csrf ?? ''],
  );
}
