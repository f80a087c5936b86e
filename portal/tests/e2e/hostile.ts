// Two hundred texts that have run as code on some page, each with letters so that it can be a name; and what shows that none did.
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const VECTORS = [
  '<script>window.__hit=1</script>',
  '<img src=x onerror=window.__hit=1>',
  '<svg onload=window.__hit=1>',
  '<svg><script>window.__hit=1</script></svg>',
  '<body onload=window.__hit=1>',
  '<iframe srcdoc="<script>parent.__hit=1</script>"></iframe>',
  '<a href="javascript:window.__hit=1">link</a>',
  '<details open ontoggle=window.__hit=1>',
  '<input autofocus onfocus=window.__hit=1>',
  '<math><mtext><style><img src onerror=window.__hit=1></style>',
  '<template><script>window.__hit=1</script></template>',
  '<object data="javascript:window.__hit=1"></object>',
  '<form action="javascript:window.__hit=1"><button>go</button>',
  '<style>@import "javascript:window.__hit=1";</style>',
  'javascript:window.__hit=1//',
  '{{constructor.constructor("window.__hit=1")()}}',
  '#{window.__hit=1}',
  '"onmouseover="window.__hit=1',
  "'-window.__hit=1-'",
  '&lt;script&gt;window.__hit=1&lt;/script&gt;',
];

const WRAPS: ((vector: string) => string)[] = [
  (vector) => `plain ${vector}`,
  (vector) => `quote "> ${vector}`,
  (vector) => `tick '> ${vector}`,
  (vector) => `end --> ${vector}`,
  (vector) => `title </title> ${vector}`,
  (vector) => `area </textarea> ${vector}`,
  (vector) => `close </script> ${vector}`,
  (vector) => `cdata ]]> ${vector}`,
  (vector) => `case ${vector.replace(/script|img|svg/gi, (tag) => tag.toUpperCase())}`,
  (vector) => `slash ${vector.replaceAll(' ', '/')}`,
];

export const HOSTILE = VECTORS.flatMap((vector) => WRAPS.map((wrap) => wrap(vector)));

/** One of each kind, in one dress or another: for fields that hold few and are looked at one by one. */
export const SAMPLE = VECTORS.flatMap((vector, at) => WRAPS[at % WRAPS.length]?.(vector) ?? []);

/** Half of the texts, by the region: for fields whose rows cost something in each. */
export const halfIn = (region: string) => HOSTILE.filter((_, at) => (at % 2 === 0) === (region === 'us-east-1'));

/** As few values as hold all of the texts whole, one behind the other; what is longer than a value is cut. */
export function packed(texts: string[], valueMaxChars: number): string[] {
  const values: string[] = [];
  for (const text of texts) {
    const joined = `${values.at(-1) ?? ''} ${text}`;
    if (values.length > 0 && joined.length <= valueMaxChars) values[values.length - 1] = joined;
    else values.push(text.slice(0, valueMaxChars).trim());
  }
  return values;
}

/** What the texts would be if they were markup; no screen has any of it. */
const FOREIGN =
  'script, iframe, object, img, math, details, template, form[action], a[href^="javascript"], [onload], [onerror]';

/** Nothing ran and nothing became an element, on a page that shows texts, or in fields as values. */
export async function expectInert(page: Page, what: string): Promise<void> {
  expect(await page.evaluate(() => '__hit' in window), what).toBe(false);
  const found = page.locator('#root').locator(FOREIGN);
  expect(await found.evaluateAll((all) => all.map((one) => one.outerHTML)), what).toEqual([]);
}

/** The same, and the page shows one of the texts. */
export async function expectShownInert(page: Page, what: string): Promise<void> {
  await expectInert(page, what);
  expect((await page.locator('body').textContent()) ?? '', what).toContain('onerror=window.__hit=1');
}
