// Where the clinic works, in both regions: an administrator adds a site and says who works there, and that decides whom they see.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, person, signIn, stepUp } from '../kit.ts';
import { lookClosely } from './closely.ts';
import { colleague } from './invite.ts';
import { register } from './patients.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** The site that every clinic begins with. */
const FIRST = 'Main';

async function search(page: Page, family: string): Promise<void> {
  await page.reload();
  await page.getByLabel('Search for').fill(family.slice(0, 10));
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a colleague at a new site finds nobody of the old one until the administrator gives it back', async () => {
    const [admin, doctor] = [await person(browser), await person(browser)];
    const [site, family] = [unique('Branch'), unique('Sited')];
    const desk = await colleague(browser, clinic, 'Receptionist');
    await signIn(doctor.page, clinic, 'physician');
    await doctor.page.goto(`${clinic.url}/clinic/patients`);
    await register(doctor.page, family);
    await doctor.page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await desk.page.goto(`${clinic.url}/clinic/patients`);
    await search(desk.page, family);
    await desk.page.getByRole('link', { name: `Sample ${family}` }).waitFor();

    const { page, troubles } = admin;
    await signIn(page, clinic, 'clinic_admin');
    await page.getByRole('link', { name: 'Sites', exact: true }).click();
    await page.getByRole('rowheader', { name: FIRST, exact: true }).waitFor();
    await page.getByRole('button', { name: 'Add the site' }).click();
    await page.getByText('Please fill this in.').waitFor();
    await page.getByLabel('Name').fill(site);
    await page.getByRole('button', { name: 'Add the site' }).click();
    await page.getByRole('rowheader', { name: site }).waitFor();
    await lookClosely(page, 'sites');

    await page.getByRole('link', { name: 'Choose who works there' }).click();
    const row = page.getByRole('row').filter({ hasText: desk.login.email });
    await row.getByText(FIRST, { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Manage: Demo Receptionist' }).click();
    const sheet = page.getByRole('dialog', { name: 'The account of Demo Receptionist' });
    const works = sheet.getByRole('group', { name: 'Works at' });
    await works.getByLabel(FIRST, { exact: true }).uncheck();
    await sheet.getByRole('button', { name: 'Save the sites' }).click();
    await sheet.getByText('Choose at least one site.').waitFor();
    await works.getByLabel(site).check();
    await sheet.getByRole('button', { name: 'Save the sites' }).click();
    const done = sheet.getByText('The sites count from their next request.');
    await stepUp(page, clinic, 'clinic_admin', done);
    await search(desk.page, family);
    await desk.page.getByText('Nobody in this clinic matches.').waitFor();

    await works.getByLabel(FIRST, { exact: true }).check();
    await sheet.getByRole('button', { name: 'Save the sites' }).click();
    await lookClosely(page, 'where a colleague works');
    await page.keyboard.press('Escape');
    await row.getByText(`${site} · ${FIRST}`).waitFor();
    await search(desk.page, family);
    await desk.page.getByRole('link', { name: `Sample ${family}` }).waitFor();
    expect(troubles).toEqual([]);
  });
});
