// Who used a record and to whom it was given, in both regions: the desk writes it down, the privacy officer reads it for the patient.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, open, person, signIn } from '../kit.ts';
import { lookClosely } from './closely.ts';
import { colleague } from './invite.ts';
import { registered } from './patients.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('what the desk gave out is written down once, and the privacy officer reads it beside who used the record', async () => {
    const desk = await person(browser);
    const [family, recipient] = [unique('Given'), unique('Registry of')];
    const { page } = desk;
    await signIn(page, clinic, 'receptionist');
    await registered(page, clinic, family);
    const record = page.url();
    await page.getByRole('link', { name: 'Data given out' }).click();
    await page.getByRole('heading', { level: 1, name: 'Data given out' }).waitFor();
    expect(await page.getByRole('region', { name: 'Uses' }).count(), 'who used it is not the desk’s to see').toBe(0);
    const save = () => page.getByRole('button', { name: 'Write it down' }).click();
    await save();
    await page.getByText('Please fill this in.').first().waitFor();
    await page.getByLabel('Who got them').fill(recipient);
    await page.getByLabel('What for').selectOption({ label: 'Public health' });
    await page.getByLabel('When, or the first time').fill('2026-01-15');
    await page.getByLabel('Which data').fill('Vaccinations of 2026.');
    await page.getByLabel('The purpose in a sentence').fill('Asked for in writing.');
    await page.getByLabel('How often').fill('3');
    await save();
    await page.getByText('Say both how often, from two, and the last time, or neither.').waitFor();
    await page.getByLabel('The last time').fill('2026-02-15');
    await page.getByLabel('The patient is not told before').fill('2100-01-01');
    await save();
    await page.getByText('Only for law enforcement and for oversight of health care.').waitFor();
    await lookClosely(page, 'writing down that data were given');
    await page.getByLabel('The patient is not told before').fill('');
    await save();
    await page.getByText('It is written down.').waitFor();
    expect(await page.getByLabel('Who got them').inputValue(), 'nobody writes it down twice by mistake').toBe('');

    const officer = await colleague(browser, clinic, 'Privacy officer');
    await open(officer.page, record);
    await officer.page.getByRole('link', { name: 'Who used the record' }).click();
    const given = officer.page.getByRole('region', { name: 'To whom data were given' });
    const line = given.getByRole('listitem').filter({ hasText: recipient });
    await line.getByText(/^3 times, /).waitFor();
    await line.getByText('Public health: Vaccinations of 2026.').waitFor();
    const uses = officer.page.getByRole('region', { name: 'Uses' });
    await uses.getByText(/\(reception\) registered the patient/).waitFor();
    await uses.getByText(/\(reception\) wrote down that data were given to somebody outside the clinic/).waitFor();
    expect(await officer.page.title()).not.toContain(family);
    await lookClosely(officer.page, 'who used a record');
    await officer.page.emulateMedia({ media: 'print' });
    await officer.page.getByText(/Printed by Demo Privacy officer, .* Confidential\.$/).waitFor();
    await officer.page.getByText(`Record id of the patient: ${record.split('/').at(-1)}`).waitFor();
    expect(await officer.page.getByRole('navigation').count(), 'no ways on paper').toBe(0);
    expect([...desk.troubles, ...officer.troubles]).toEqual([]);
  });
});
