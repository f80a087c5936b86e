// A picture that is nobody's, and looking at it as people do.
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** A PNG of eight by eight points. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mPQiOrBihiGlgQAR05DgQUevvYAAAAASUVORK5CYII=';
const SIDE_POINTS = 8;

/** The file as it is chosen; its document bears the title. */
export const picture = (title: string) => ({
  name: `${title}.png`,
  mimeType: 'image/png',
  buffer: Buffer.from(PNG, 'base64'),
});

/** Looks at a picture and closes it again by the keyboard: it was shown by a link that works once, and nothing of it is left. */
export async function lookAt(page: Page, title: string): Promise<void> {
  const button = page.getByRole('button', { name: `View: ${title}` });
  const [shown] = await Promise.all([
    page.waitForResponse((response) => response.url().includes('/api/v1/document-links/')),
    button.press('Enter'),
  ]);
  const sheet = page.getByRole('dialog', { name: title });
  const image = sheet.getByRole('img', { name: `Picture: ${title}` });
  await image.waitFor();
  expect(await image.evaluate((element) => (element as HTMLImageElement).naturalWidth)).toBe(SIDE_POINTS);
  expect(shown.headers()['content-disposition']).toMatch(/^inline;/);
  expect(await page.evaluate(async (url) => (await fetch(url)).status, shown.url()), 'the link works once').toBe(404);
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  expect(await page.locator('img').count(), 'nothing of it is left').toBe(0);
}
