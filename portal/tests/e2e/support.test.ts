// Support asks a clinic, its administrator lets it in, it looks, and the administrator shows it out; in both regions.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, person, signIn, signInToConsole, stepUp } from '../kit.ts';
import { changeAnswer, fillAnswer } from './answers.ts';
import { LOOKED_AT_IN, lookAtDialog, lookClosely } from './closely.ts';
import { expectInert, expectShownInert, HOSTILE, packed, SAMPLE } from './hostile.ts';

/** The longest reason that the control plane takes, in characters. */
const REASON_MAX_CHARS = 500;
/** A second factor may have to be waited for, and the worker has its rounds. */
const TEST_MAX_MS = 240_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('support access', (region) => {
  test('support sees the state of the system after the administrator said so, and not a moment longer', {
    timeout: TEST_MAX_MS,
  }, async () => {
    const clinic = clinicOf(region);
    // The console is the same for both clinics.
    const isLookedAt = region === LOOKED_AT_IN;
    const look = isLookedAt ? lookClosely : async () => undefined;
    const lookAbove = isLookedAt ? lookAtDialog : async () => undefined;
    const { page, troubles } = await person(browser);
    await signInToConsole(page, 'platform_support');
    await page.getByRole('link', { name: 'Clinics', exact: true }).click();
    await page.getByRole('link', { name: clinic.slug, exact: true }).click();
    expect(await page.getByRole('button', { name: 'Suspend' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Ask for a grant' }).click();
    const ticket = `Reminders wait, ticket ${crypto.randomUUID()}.`;
    const reason = `${ticket} ${packed(SAMPLE, REASON_MAX_CHARS - ticket.length - 1)[0]}`;
    await page.getByLabel('Why').fill(reason);
    await lookAbove(page, 'asking for a grant');
    await page.getByRole('button', { name: 'Ask the clinic' }).click();
    await page.getByText('The clinic’s administrator has not answered yet.').waitFor();
    await page.getByText(reason, { exact: true }).waitFor();
    await expectInert(page, 'a grant that was asked for');
    await look(page, 'a grant that was asked for');
    if (isLookedAt) {
      const path = `/platform/v1/support-grants/${page.url().split('/').at(-1)}`;
      const end = await changeAnswer<{ grant: { reason: string } }>(page, path, ({ grant: shown }) => {
        shown.reason = HOSTILE.join(' ');
      });
      await page.reload();
      await page
        .getByRole('blockquote')
        .filter({ hasText: HOSTILE.at(-1) ?? '' })
        .waitFor();
      await expectShownInert(page, 'a grant with every hostile text');
      await end();
      await page.reload();
    }

    const { page: office } = await person(browser);
    await signIn(office, clinic, 'clinic_admin');
    await office.getByRole('link', { name: 'Support access' }).click();
    const grant = office.getByRole('region').filter({ hasText: reason });
    await expect.poll(() => asked(), { timeout: TEST_MAX_MS }).toBe(true);
    await expectInert(office, 'support access');
    await look(office, 'support access');
    if (isLookedAt) {
      const end = await fillAnswer(office, '/api/v1/support-grants', 'id', 'reason');
      await office.reload();
      await office
        .getByRole('blockquote')
        .nth(HOSTILE.length - 1)
        .waitFor();
      await expectShownInert(office, 'support access with every hostile text');
      await end();
      await office.reload();
    }
    await grant.getByRole('button', { name: 'Approve' }).click();
    await lookAbove(office, 'approving a grant');
    await office.getByRole('alertdialog').getByRole('button', { name: 'Approve' }).click();
    await stepUp(office, clinic, 'clinic_admin', grant.getByText('Approved', { exact: true }));

    await page.getByRole('button', { name: 'Staff accounts in numbers' }).click();
    await page.getByRole('row', { name: /clinic_admin active/ }).waitFor();
    await page.getByRole('button', { name: 'Versions, keys and log' }).click();
    await page.getByText('Version of the schemas').waitFor();
    await look(page, 'a grant with answers');
    await page.getByRole('button', { name: 'End the grant' }).click();
    const question = page.getByRole('alertdialog', { name: 'End this grant?' });
    await lookAbove(page, 'ending a grant');
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'detached' });

    await office.reload();
    await grant.getByText('Staff accounts in numbers').waitFor();
    await grant.getByRole('button', { name: 'End it now' }).click();
    await office.getByRole('alertdialog').getByRole('button', { name: 'End it now' }).click();
    await grant.getByText('Ended', { exact: true }).waitFor();
    await page.getByText('Ended', { exact: true }).waitFor();
    await page.getByRole('row', { name: /clinic_admin active/ }).waitFor({ state: 'detached' });
    expect(troubles).toEqual([]);

    /** The worker brings it within seconds; the page shows it when it is loaded. */
    async function asked(): Promise<boolean> {
      if ((await grant.count()) > 0) return true;
      await office.reload();
      await office.getByRole('heading', { level: 1, name: 'Support access' }).waitFor();
      return (await grant.count()) > 0;
    }
  });
});
