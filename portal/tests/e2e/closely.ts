// A close look at one screen: what assistive programs find wrong, and whether it fits the narrowest phone, in light and dark.
import type { Page } from 'playwright-core';
import { clinicOf, expectAccessible, expectNoSidewaysScroll } from '../kit.ts';

const NARROWEST = 360;
/** The region in which a screen is looked at that is made of the same in both. */
export const LOOKED_AT_IN = 'us-east-1';
const GOES_BY = clinicOf('ap-south-1').url;

/** Looks at a screen that both regions' tests come to: in one of them, because it is the same code, words and colours. */
export async function lookClosely(page: Page, what: string): Promise<void> {
  if (page.url().startsWith(GOES_BY)) return;
  await expectAccessible(page, what);
  const before = page.viewportSize();
  await page.setViewportSize({ width: NARROWEST, height: 800 });
  await expectNoSidewaysScroll(page, `${what} at ${NARROWEST}`);
  await expectAccessible(page, `${what} at ${NARROWEST}`);
  if (before) await page.setViewportSize(before);
}

/** Looks in the same way at what was opened above a screen, once it is there. */
export async function lookAtDialog(page: Page, what: string): Promise<void> {
  await page.getByRole('dialog').or(page.getByRole('alertdialog')).first().waitFor();
  await lookClosely(page, what);
}
