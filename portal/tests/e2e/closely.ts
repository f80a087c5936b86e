// A close look at one screen: what assistive programs find wrong, and whether it fits the narrowest phone, in light and dark.
import type { Page } from 'playwright-core';
import { expectAccessible, expectNoSidewaysScroll } from '../kit.ts';

const NARROWEST = 360;

export async function lookClosely(page: Page, what: string): Promise<void> {
  await expectAccessible(page, what);
  const before = page.viewportSize();
  await page.setViewportSize({ width: NARROWEST, height: 800 });
  await expectNoSidewaysScroll(page, `${what} at ${NARROWEST}`);
  await expectAccessible(page, `${what} at ${NARROWEST}`);
  if (before) await page.setViewportSize(before);
}
