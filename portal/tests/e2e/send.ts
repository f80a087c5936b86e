// Sends to the API what no form of the portal sends, as the page's session.
import type { Page } from 'playwright-core';
import { type Clinic, keepSession, loginOf, nextCode } from '../kit.ts';

interface How {
  method?: 'POST' | 'PUT' | 'PATCH';
  /** The version that was read, where a change of a newer one is refused. */
  version?: number;
}

export type Change = [path: string, body?: object | undefined, how?: How];

/** The status and the body of the answer to each of many changes, sent one after the other as one session that is read once. */
export function sendAll(page: Page, clinic: Clinic, changes: Change[]): Promise<string[]> {
  return page.evaluate(
    async (all) => {
      const session = await (await fetch('/api/v1/sessions/current')).json();
      // Who is not signed in yet has no token.
      const token = session.csrf_token ? { 'x-csrf-token': session.csrf_token as string } : {};
      const answers: string[] = [];
      for (const { address, text, method, tag } of all) {
        const headers = {
          ...token,
          ...(text && { 'content-type': 'application/json' }),
          ...(tag && { 'if-match': tag }),
        };
        const answer = await fetch(address, { method, headers, body: text || null });
        answers.push(`${answer.status} ${await answer.text()}`);
      }
      return answers;
    },
    changes.map(([path, body, { method = 'POST', version } = {}]) => ({
      address: `${clinic.url}${path}`,
      text: body ? JSON.stringify(body) : '',
      method,
      tag: version === undefined ? '' : `"v${version}"`,
    })),
  );
}

/** The status and the body of the answer to a change. */
export async function send(page: Page, clinic: Clinic, path: string, body?: object, how: How = {}): Promise<string> {
  const [answer = ''] = await sendAll(page, clinic, [[path, body, how]]);
  return answer;
}

/** Sends as a role's login of the stack what needs a fresh second step, and proves that where the server asks for it. */
export async function sendAllProven(page: Page, clinic: Clinic, role: string, changes: Change[]): Promise<string[]> {
  const answers = await sendAll(page, clinic, changes);
  const stale = answers.findIndex((answer) => answer.startsWith('403 '));
  if (stale < 0) return answers;
  const code = await nextCode(loginOf(clinic.logins, role));
  await send(page, clinic, '/api/v1/sessions/current/factor', { totp: code });
  await keepSession(page, clinic, role);
  return [...answers.slice(0, stale), ...(await sendAll(page, clinic, changes.slice(stale)))];
}

/** The same for one change at a time. */
export function senderWhoProves(page: Page, clinic: Clinic, role: string) {
  return async (path: string, body?: object, how: How = {}): Promise<string> => {
    const [answer = ''] = await sendAllProven(page, clinic, role, [[path, body, how]]);
    return answer;
  };
}

/** What the server answered, where it is what it should be; nothing where it has nothing to say. */
export function answered<T>(answer: string, status = 201): T {
  if (!answer.startsWith(`${status} `)) throw new Error(`not ${status}: ${answer}`);
  const said = answer.slice(`${status} `.length);
  return (said ? JSON.parse(said) : undefined) as T;
}
