// Setting up the authenticator app that somebody is asked for before anything is shown.
import type { Page } from 'playwright-core';
import { nextCode } from '../kit.ts';

/** The two screens, for whoever looks at them. */
export type Screen = 'a second step to set up' | 'recovery codes';

/** Sets the app up where the door asks for it, and keeps the recovery codes; the app's secret. */
export async function setUpSecondStep(
  page: Page,
  email: string,
  look: (screen: Screen) => Promise<void> = async () => undefined,
): Promise<string> {
  await page.getByRole('heading', { level: 1, name: 'Set up your second step' }).waitFor();
  const secret = ((await page.locator('code.key').textContent()) ?? '').replaceAll(' ', '');
  await look('a second step to set up');
  const code = await nextCode({ role: '', email, password: '', totp_secret: secret });
  await page.getByLabel('Code of the app').fill(code);
  await page.getByRole('button', { name: 'Continue' }).click();
  const kept = page.getByRole('button', { name: 'I have kept them' });
  await kept.waitFor();
  await look('recovery codes');
  await kept.click();
  return secret;
}
