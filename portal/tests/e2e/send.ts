// Sends to the API what no form of the portal sends, as the page's session.
import type { Page } from 'playwright-core';
import { type Clinic, keepSession, loginOf, nextCode } from '../kit.ts';

interface How {
  method?: 'POST' | 'PUT' | 'PATCH';
  /** The version that was read, where a change of a newer one is refused. */
  version?: number;
}

/** The status and the body of the answer to a change. */
export function send(page: Page, clinic: Clinic, path: string, body?: object, how: How = {}): Promise<string> {
  const { method = 'POST', version } = how;
  return page.evaluate(
    async ([address = '', text = '', verb = '', tag = '']) => {
      const session = await (await fetch('/api/v1/sessions/current')).json();
      const headers = {
        'x-csrf-token': session.csrf_token as string,
        ...(text && { 'content-type': 'application/json' }),
        ...(tag && { 'if-match': tag }),
      };
      const answer = await fetch(address, { method: verb, headers, body: text || null });
      return `${answer.status} ${await answer.text()}`;
    },
    [`${clinic.url}${path}`, body ? JSON.stringify(body) : '', method, version === undefined ? '' : `"v${version}"`],
  );
}

/** The status and the body of the answer to each of many changes, sent one after the other as one session that is read once. */
export function sendAll(page: Page, clinic: Clinic, changes: [path: string, body: object][]): Promise<string[]> {
  return page.evaluate(
    async (all) => {
      const session = await (await fetch('/api/v1/sessions/current')).json();
      const headers = { 'x-csrf-token': session.csrf_token as string, 'content-type': 'application/json' };
      const answers: string[] = [];
      for (const [address, body] of all) {
        const answer = await fetch(address, { method: 'POST', headers, body });
        answers.push(`${answer.status} ${await answer.text()}`);
      }
      return answers;
    },
    changes.map(([path, body]) => [`${clinic.url}${path}`, JSON.stringify(body)] as const),
  );
}

/** Sends as a role's login of the stack what needs a fresh second step, and proves that where the server asks for it. */
export function senderWhoProves(page: Page, clinic: Clinic, role: string) {
  return async (path: string, body?: object, how: How = {}): Promise<string> => {
    const answer = await send(page, clinic, path, body, how);
    if (!answer.startsWith('403 ')) return answer;
    const code = await nextCode(loginOf(clinic.logins, role));
    await send(page, clinic, '/api/v1/sessions/current/factor', { totp: code });
    await keepSession(page, clinic, role);
    return send(page, clinic, path, body, how);
  };
}

/** What the server answered, where it is what it should be. */
export function answered<T>(answer: string, status = 201): T {
  if (!answer.startsWith(`${status} `)) throw new Error(`not ${status}: ${answer}`);
  return JSON.parse(answer.slice(`${status} `.length)) as T;
}
