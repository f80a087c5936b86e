// How a clinic keeps large imaging, in both regions: chosen by the administrator within bounds, seen by the privacy officer.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, open, person, signIn, stepUp } from '../kit.ts';
import { lookClosely } from './closely.ts';
import { colleague } from './invite.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('the administrator chooses from which size on the storage alone encrypts imaging, and the privacy officer sees it', async () => {
    const { page, troubles } = await person(browser);
    await signIn(page, clinic, 'clinic_admin');
    await page.getByRole('link', { name: 'Imaging', exact: true }).click();
    const sealed = 'Every image is sealed under its patient’s key.';
    const choose = async (size: string, said: string) => {
      await page.getByLabel('From so many MiB on').fill(size);
      await page.getByRole('button', { name: 'Save' }).click();
      await stepUp(page, clinic, 'clinic_admin', page.getByText(said));
    };
    await page.getByText(sealed).waitFor();
    await choose('15', 'This is shorter or longer than is allowed.');
    await choose('much', 'This is shorter or longer than is allowed.');
    await choose('64', 'Images of 64 MiB and more are encrypted by the storage alone.');
    try {
      await lookClosely(page, 'how large imaging is kept');
      const officer = await colleague(browser, clinic, 'Privacy officer');
      await open(officer.page, `${clinic.url}/clinic/imaging`);
      await officer.page.getByText('Images of 64 MiB and more are encrypted by the storage alone.').waitFor();
      expect(await officer.page.getByRole('button', { name: 'Save' }).count(), 'seen and not chosen').toBe(0);
    } finally {
      await choose('', sealed);
    }
    expect(troubles).toEqual([]);
  });
});
