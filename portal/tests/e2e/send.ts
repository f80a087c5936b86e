// Sends to the API what no form of the portal sends, as the page's session.
import type { Page } from 'playwright-core';
import type { Clinic } from '../kit.ts';

/** The status and the body of the answer to a change. */
export function send(page: Page, clinic: Clinic, path: string, body: object, how = 'POST'): Promise<string> {
  return page.evaluate(
    async ([address, text, method]) => {
      const session = await (await fetch('/api/v1/sessions/current')).json();
      const headers = { 'content-type': 'application/json', 'x-csrf-token': session.csrf_token as string };
      const answer = await fetch(address as string, { method: method as string, headers, body: text as string });
      return `${answer.status} ${await answer.text()}`;
    },
    [`${clinic.url}${path}`, JSON.stringify(body), how],
  );
}
