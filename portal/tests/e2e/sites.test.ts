// Where the clinic works, in both regions: an administrator adds, renames and closes sites and says who works there, which decides
// whom they see.
import type { Browser, Locator, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { type Clinic, clinicOf, inEachRegion, launch, open, person, signIn, stepUp } from '../kit.ts';
import { lookClosely } from './closely.ts';
import { colleague } from './invite.ts';
import { registered } from './patients.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

/** The site that every clinic begins with. */
const FIRST = 'Main';

async function search(page: Page, clinic: Clinic, family: string): Promise<void> {
  // What was found before is forgotten with its screen.
  await open(page, `${clinic.url}/clinic/account`);
  await open(page, `${clinic.url}/clinic/patients`);
  await page.getByLabel('Search for').fill(family.slice(0, 10));
}

/** The choice of where a colleague works, any of them. */
async function worksAt(page: Page): Promise<Locator> {
  await page.getByRole('link', { name: 'Staff', exact: true }).click();
  await page
    .getByRole('button', { name: /^Manage:/ })
    .first()
    .click();
  return page.getByRole('dialog').getByRole('group', { name: 'Works at' });
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a colleague at a new site finds nobody of the old one until the administrator gives it back', async () => {
    const [admin, doctor] = [await person(browser), await person(browser)];
    const [site, family] = [unique('Branch'), unique('Sited')];
    const desk = await colleague(browser, clinic, 'Receptionist');
    await signIn(doctor.page, clinic, 'physician');
    await registered(doctor.page, clinic, family);
    await search(desk.page, clinic, family);
    await desk.page.getByRole('link', { name: `Sample ${family}` }).waitFor();

    const { page, troubles } = admin;
    await signIn(page, clinic, 'clinic_admin');
    await page.getByRole('link', { name: 'Sites', exact: true }).click();
    await page.getByRole('rowheader', { name: FIRST, exact: true }).waitFor();
    await page.getByRole('button', { name: 'Add the site' }).click();
    await page.getByText('Please fill this in.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill(site);
    await page.getByRole('button', { name: 'Add the site' }).click();
    await page.getByRole('rowheader', { name: site }).waitFor();

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
    await search(desk.page, clinic, family);
    await desk.page.getByText('Nobody in this clinic matches.').waitFor();

    // Registered at the new site too, the patient is found there; and no longer once that is taken back.
    const registerAt = async (change: (box: Locator) => Promise<void>) => {
      const at = doctor.page.getByRole('dialog', { name: 'Where the patient is registered' });
      await doctor.page.keyboard.press('Escape');
      await at.waitFor({ state: 'detached' });
      await doctor.page.getByRole('button', { name: 'Where registered' }).click();
      await at.getByLabel(FIRST, { exact: true }).waitFor();
      expect(await at.getByLabel(FIRST, { exact: true }).isChecked()).toBe(true);
      await change(at.getByLabel(site));
      await at.getByRole('button', { name: 'Save the sites' }).click();
      await at.getByText('The patient is registered there from now on.').waitFor();
    };
    await registerAt((box) => box.check());
    await lookClosely(doctor.page, 'where a patient is registered');
    await search(desk.page, clinic, family);
    await desk.page.getByRole('link', { name: `Sample ${family}` }).waitFor();
    await registerAt((box) => box.uncheck());
    await search(desk.page, clinic, family);
    await desk.page.getByText('Nobody in this clinic matches.').waitFor();

    await works.getByLabel(FIRST, { exact: true }).check();
    await sheet.getByRole('button', { name: 'Save the sites' }).click();
    await lookClosely(page, 'where a colleague works');
    await page.keyboard.press('Escape');
    await row.getByText(`${site} · ${FIRST}`).waitFor();
    await search(desk.page, clinic, family);
    await desk.page.getByRole('link', { name: `Sample ${family}` }).waitFor();
    expect(troubles).toEqual([]);
  });

  test('a site gets another name, is closed and takes nobody new, and is opened again', async () => {
    const { page, troubles } = await person(browser);
    const [name, later] = [unique('Branch'), unique('Wing')];
    await signIn(page, clinic, 'clinic_admin');
    await open(page, `${clinic.url}/clinic/sites`);
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByRole('button', { name: 'Add the site' }).click();

    await page.getByRole('button', { name: `Rename: ${name}` }).click();
    const sheet = page.getByRole('dialog', { name: `Rename “${name}”` });
    await sheet.getByLabel('Name', { exact: true }).fill('');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.getByText('Please fill this in.').waitFor();
    await sheet.getByLabel('Name', { exact: true }).fill(later);
    await lookClosely(page, 'renaming a site');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await page.getByText(`The site is called ${later} now.`).waitFor();
    expect(await page.getByRole('rowheader', { name }).count(), 'nowhere its old name').toBe(0);

    await page.getByRole('button', { name: `Close: ${later}` }).click();
    const asked = page.getByRole('alertdialog', { name: `Close “${later}”?` });
    await lookClosely(page, 'closing a site');
    await asked.getByRole('button', { name: 'Close' }).click();
    await page.getByText(`${later} is closed.`).waitFor();
    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: later }) });
    await row.getByText(/^Closed since/).waitFor();
    await lookClosely(page, 'sites, one of them closed');
    const works = await worksAt(page);
    await works.getByLabel(FIRST, { exact: true }).waitFor();
    expect(await works.getByLabel(later).count(), 'nobody begins to work there').toBe(0);

    await open(page, `${clinic.url}/clinic/sites`);
    await page.getByRole('button', { name: `Open again: ${later}` }).click();
    await page.getByText(`${later} is open again.`).waitFor();
    await (await worksAt(page)).getByLabel(later).waitFor();
    expect(troubles).toEqual([]);
  });
});
