// Answers of the server with something in them, or at a moment, that no test can bring about in its time.
import type { Page, Route } from 'playwright-core';
import { HOSTILE } from './hostile.ts';

/** Ends what a page is given instead of answers. */
type End = () => Promise<void>;

/** Asks the server as the page does, changes what comes, and gives that to the page from then on. */
export async function changeAnswer<T>(page: Page, path: string, change: (answer: T) => void): Promise<End> {
  const answer = (await page.evaluate(async (address) => (await fetch(address)).json(), path)) as T;
  change(answer);
  const isIt = (url: URL) => url.pathname === path;
  const give = (route: Route) =>
    route.request().method() === 'GET' ? route.fulfill({ json: answer }) : route.fallback();
  await page.route(isIt, give);
  return () => page.unroute(isIt, give);
}

/** Lets no answer from a path arrive until what it gives is called. */
export async function keepBack(page: Page, path: string): Promise<() => void> {
  let arrive = () => {};
  const called = new Promise<void>((go) => {
    arrive = go;
  });
  await page.route(
    (url) => url.pathname === path,
    (route) => called.then(() => route.fallback()),
  );
  return arrive;
}

interface List {
  items: Record<string, unknown>[];
  next_cursor?: string | null;
}

/** Gives the page a list of the server's that has each of the hostile texts in one of its fields, a row for each. */
export const fillAnswer = (page: Page, path: string, id: string, field: string): Promise<End> =>
  changeAnswer<List>(page, path, (answer) => {
    const [one] = answer.items;
    if (!one) throw new Error(`${path} lists nothing`);
    answer.items = HOSTILE.map((text, at) => ({ ...one, [id]: `${one[id]}${at}`, [field]: text }));
    answer.next_cursor = null;
  });

/** Answers every change as the server does when the last second step was too long ago. */
export async function wantFreshProof(page: Page): Promise<End> {
  const isCall = (url: URL) => /^\/(api|platform)\/v1\//.test(url.pathname);
  const refuse = (route: Route) =>
    route.request().method() === 'GET'
      ? route.fallback()
      : route.fulfill({ status: 403, contentType: 'application/problem+json', json: { code: 'step_up_required' } });
  await page.route(isCall, refuse);
  return () => page.unroute(isCall, refuse);
}
