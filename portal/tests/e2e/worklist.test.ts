// What staff see first, in both regions: what waits for their role, each with the way to where it is done, and nobody else's.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, open, person, signIn } from '../kit.ts';
import { lookAtDialog, lookClosely } from './closely.ts';
import { colleague } from './invite.ts';
import { registered } from './patients.ts';
import { send } from './send.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);
  const home = `${clinic.url}/clinic`;

  test('a physician finds the newest patient and a refused document, and goes from it to where it is taken out', async () => {
    const { page, troubles } = await person(browser);
    const family = unique('Newest');
    await signIn(page, clinic, 'physician');
    await registered(page, clinic, family);
    await page.getByRole('link', { name: 'Documents' }).click();
    const file = { name: 'scan.pdf', mimeType: 'application/pdf', buffer: Buffer.from('This is no PDF.') };
    await page.getByLabel('Choose a file or drop it here').setInputFiles(file);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('row', { name: /^scan/ }).getByText('Refused').waitFor();
    const documents = page.url();

    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Today' }).click();
    const newest = page.getByRole('region', { name: 'Your newest patients' });
    await newest
      .getByRole('listitem')
      .first()
      .getByRole('link', { name: `Sample ${family}` })
      .waitFor();
    expect(await page.title(), 'no name in what browsers keep').not.toContain(family);
    const waiting = page.getByRole('region', { name: /^Documents that are not in the record/ });
    const first = waiting.getByRole('listitem').first();
    await first.getByText('Refused').waitFor();
    await lookClosely(page, 'worklist');
    await first.getByRole('link').click();
    await page.getByRole('button', { name: 'Take out: scan' }).waitFor();
    expect(page.url()).toBe(documents);
    await page.getByRole('button', { name: 'Take out: scan' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Take out' }).click();
    await page.getByText('The document is out of the record.').waitFor();
    expect(troubles).toEqual([]);
  });

  test('an erasure that somebody asked for waits for the privacy officer, who calls it off', async () => {
    const doctor = await person(browser);
    await signIn(doctor.page, clinic, 'physician');
    const id = await registered(doctor.page, clinic, unique('Mistake'));
    const basis = { basis: 'registered_in_error' };
    expect(await send(doctor.page, clinic, `/api/v1/patients/${id}/erasures`, basis)).toMatch(/^201 /);
    await open(doctor.page, home);
    await doctor.page.getByRole('region', { name: 'Your newest patients' }).waitFor();
    expect(await doctor.page.getByText('Erasures to decide about').count(), 'nobody who treats decides').toBe(0);

    const { page, troubles } = await colleague(browser, clinic, 'Privacy officer');
    await page.goto(home);
    const waiting = page.getByRole('region', { name: /^Erasures to decide about/ });
    await waiting.locator(`a[href$="/patients/${id}/erasure"]`).click();
    await page.getByRole('heading', { level: 2, name: 'Registered by mistake' }).waitFor();
    await lookClosely(page, 'erasure');
    await page.getByRole('button', { name: 'Agree to the erasure' }).click();
    const question = page.getByRole('alertdialog', { name: 'Erase this patient for good?' });
    await lookAtDialog(page, 'agreeing to an erasure');
    await question.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'Call it off' }).click();
    await page.getByText('The erasure is called off.').waitFor();
    await open(page, home);
    await page.getByRole('heading', { level: 1, name: 'What waits for you' }).waitFor();
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    expect(await page.locator(`a[href$="/patients/${id}/erasure"]`).count()).toBe(0);
    expect(troubles).toEqual([]);
  });
});
