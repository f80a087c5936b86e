// What programs and applications do outside of the portal: keys, proofs, tokens, and requests that carry one.
import { createHash, generateKeyPairSync, type KeyObject, sign, type webcrypto } from 'node:crypto';
import type { Page } from 'playwright-core';
import { type Clinic, open, stepUp } from '../kit.ts';

type Jwk = webcrypto.JsonWebKey;

const PROOF_LIFE_S = 60;

export interface ProgramKey {
  /** What is registered. */
  jwk: Jwk;
  /** The same with its private part, which nobody should paste anywhere. */
  pair: Jwk & { d: string };
  secret: KeyObject;
}

/** A new pair of P-256. */
export function newKey(): ProgramKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    jwk: publicKey.export({ format: 'jwk' }),
    pair: privateKey.export({ format: 'jwk' }) as ProgramKey['pair'],
    secret: privateKey,
  };
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The proof of a program that it is itself (RFC 7523). */
function proof(clinic: Clinic, id: string, { secret }: ProgramKey): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: id,
    sub: id,
    aud: `${clinic.url}/api/v1/oauth/token`,
    iat: now,
    exp: now + PROOF_LIFE_S,
    jti: crypto.randomUUID(),
  };
  const text = `${encoded({ alg: 'ES256', typ: 'JWT' })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key: secret, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

/** The access token that the clinic gives for a form; asked for without a cookie, as programs do. */
async function token(page: Page, form: Record<string, string>): Promise<string> {
  const answer = await page.evaluate(async (fields) => {
    const body = new URLSearchParams(fields);
    const given = await fetch('/api/v1/oauth/token', { method: 'POST', body, credentials: 'omit' });
    return { status: given.status, text: await given.text() };
  }, form);
  if (answer.status !== 200) throw new Error(`no token: ${answer.status} ${answer.text}`);
  return (JSON.parse(answer.text) as { access_token: string }).access_token;
}

/** A program's token, for a proof by its key; the page is any of the clinic's. */
export const tokenByProof = (page: Page, clinic: Clinic, id: string, key: ProgramKey) =>
  token(page, {
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: proof(clinic, id, key),
  });

/** An application's token, for the code that a person's browser brought. */
export const tokenByCode = (page: Page, about: { client: string; code: string; redirect: string; verifier: string }) =>
  token(page, {
    grant_type: 'authorization_code',
    client_id: about.client,
    code: about.code,
    redirect_uri: about.redirect,
    code_verifier: about.verifier,
  });

/** The status of a request that carries a token and no cookie. */
export const askAs = (page: Page, bearer: string, path: string): Promise<number> =>
  page.evaluate(
    async ([address, authorization]) => {
      const answer = await fetch(address as string, {
        headers: { authorization: authorization as string },
        credentials: 'omit',
      });
      return answer.status;
    },
    [path, `Bearer ${bearer}`],
  );

/** Where the application is sent back to: an address that nobody has (RFC 2606), answered by the test. */
export const REDIRECT = 'https://app.example/callback';

/** Registers an application as an administrator does, after an address that is refused, and gives its id. */
export async function registerApplication(page: Page, clinic: Clinic, name: string): Promise<string> {
  await open(page, `${clinic.url}/clinic/programs`);
  await page.getByRole('button', { name: 'Register a program' }).click();
  const sheet = page.getByRole('dialog', { name: 'Register a program' });
  await sheet.getByLabel('Kind').selectOption({ label: 'Application' });
  await sheet.getByLabel('Name').fill(name);
  await sheet.getByLabel('Read records').check();
  await sheet.getByLabel('See who it acts as').check();
  await sheet.getByLabel('People are sent back to').fill('http://app.example/callback');
  await sheet.getByRole('button', { name: 'Register', exact: true }).click();
  await stepUp(page, clinic, 'clinic_admin', sheet.getByText(/^An address begins with https/));
  await sheet.getByLabel('People are sent back to').fill(REDIRECT);
  await sheet.getByRole('button', { name: 'Register', exact: true }).click();
  const said = page.getByRole('status').filter({ hasText: 'It can begin at once.' });
  return (await said.locator('code').textContent()) ?? '';
}

/** What an application puts into the address (RFC 6749, 4.1.1; RFC 7636, 4.3). */
export function question(clinic: Clinic, client: string, verifier: string, redirect = REDIRECT): string {
  const asked = new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: redirect,
    scope: 'patient.read me.read',
    state: 'a b&c',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  return `${clinic.url}/my/authorize?${asked}`;
}
