// The clinic's log as those read it who must: a look at a record is there, and has a receipt that says so.
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, person, signIn } from '../kit.ts';
import { colleague } from './invite.ts';
import { registered } from './patients.ts';
import { unique } from './unique.ts';

/** The log is sealed in the background, a few seconds behind; nobody is asked to wait longer than this. */
const SEALED_WAIT_MAX_MS = 90_000;
const ASK_AGAIN_MS = 1_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('who looked at a record is found by its id, and the receipt is a file to check elsewhere', async () => {
    const [desk, admin] = [await person(browser), await person(browser)];
    const family = unique('Log');
    await signIn(desk.page, clinic, 'receptionist');
    const id = await registered(desk.page, clinic, family);

    const { page, troubles } = admin;
    await signIn(page, clinic, 'clinic_admin');
    await page.getByRole('link', { name: 'Log', exact: true }).click();
    await page.getByRole('table').waitFor();
    await page.getByLabel('Show').selectOption({ label: 'Who used one patient’s data' });
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByText('Please fill this in.').waitFor();
    await page.getByLabel('Record id of the patient').fill('pat_wrong');
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByText('This is no id of that kind.').waitFor();
    await page.getByLabel('Record id of the patient').fill(id);
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    const made = page.getByRole('row').filter({ hasText: 'patient.create' });
    await made.getByText('Done').waitFor();
    await made.getByText(/^A member of the clinic’s staff registered the patient/).waitFor();
    expect(await page.locator('main').textContent(), 'the log has ids and no names').not.toContain(family);

    const receipt = page.waitForEvent('download', { timeout: SEALED_WAIT_MAX_MS });
    // A press that still waits when the receipt is there presses nothing any more.
    const press = () =>
      void made
        .getByRole('button', { name: /^Receipt/ })
        .click()
        .catch(() => undefined);
    const asked = setInterval(press, ASK_AGAIN_MS);
    const file = await receipt.finally(() => clearInterval(asked));
    expect(file.suggestedFilename()).toMatch(/^receipt-[\w-]+\.txt$/);
    expect(readFileSync(await file.path(), 'utf8')).toMatch(/^c2sp\.org\/tlog-proof@v1\n/);

    const months = page.getByRole('region', { name: 'Months to keep elsewhere' });
    await months
      .getByText(/^(No month is packed yet|The month from)/)
      .first()
      .waitFor();

    await page.getByRole('link', { name: 'Keys', exact: true }).click();
    const sealing = page.getByRole('row', { name: /^Sealing patients’ data/ });
    await sealing.getByText('In force').waitFor();
    const log = page.getByRole('region', { name: 'Log', exact: true });
    await log.getByText(/^[A-Za-z0-9+/]{43}=$/).waitFor();
    // The worker checks once an hour, and a stack may be younger than that.
    await log
      .getByText(/^(The log in the archive has not been checked yet|Checked on .*: nothing was changed\.$)/)
      .waitFor();
    await log.getByRole('link', { name: 'Receipts of single events' }).click();
    await page.getByRole('heading', { level: 1, name: 'The clinic’s log' }).waitFor();

    // The privacy officer reads the same, and sees the staff without what only an administrator does.
    const officer = await colleague(browser, clinic, 'Privacy officer');
    await officer.page.getByRole('link', { name: 'Log', exact: true }).click();
    await officer.page.getByLabel('Show').selectOption({ label: 'Who used one patient’s data' });
    await officer.page.getByLabel('Record id of the patient').fill(id);
    await officer.page.getByRole('button', { name: 'Search', exact: true }).click();
    const event = officer.page.getByRole('row').filter({ hasText: 'patient.create' });
    await event.getByText(/^A member of the clinic’s staff registered the patient/).waitFor();
    expect(await event.getByRole('button', { name: /^Receipt/ }).count(), 'a receipt of each event').toBe(1);
    await officer.page.getByRole('link', { name: 'Keys', exact: true }).click();
    await officer.page
      .getByRole('row', { name: /^Sealing patients’ data/ })
      .getByText('In force')
      .waitFor();
    await officer.page
      .getByRole('region', { name: 'Log', exact: true })
      .getByText(/^[A-Za-z0-9+/]{43}=$/)
      .waitFor();
    await officer.page.getByRole('link', { name: 'Staff', exact: true }).click();
    await officer.page
      .getByRole('button', { name: /^Reset second step: / })
      .first()
      .waitFor();
    expect(await officer.page.getByRole('button', { name: /^(Invite somebody|Manage: )/ }).count()).toBe(0);
    expect([...troubles, ...officer.troubles]).toEqual([]);
  });
});
