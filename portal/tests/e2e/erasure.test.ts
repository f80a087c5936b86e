// Erasing a record and what stands in its way, in both regions: asked for at the desk, held, agreed to by a second person, certified.
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { type Clinic, clinicOf, inEachRegion, launch, open, person, signIn, stepUp } from '../kit.ts';
import { lookAtDialog, lookClosely } from './closely.ts';
import { colleague } from './invite.ts';
import { registered } from './patients.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

/** Registers somebody and gives the address of the record. */
async function begin(page: Page, clinic: Clinic, family: string): Promise<string> {
  await registered(page, clinic, family);
  return page.url();
}

async function ask(page: Page, basis: string): Promise<void> {
  await page.getByLabel('Why', { exact: true }).selectOption({ label: basis });
  await page.getByRole('button', { name: 'Ask for it' }).click();
  await page.getByText('It is recorded. Below is what becomes of it.').waitFor();
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a record that the desk asks to erase is held, then let go, erased by a second person and certified', async () => {
    const desk = await person(browser);
    await signIn(desk.page, clinic, 'receptionist');
    const record = await begin(desk.page, clinic, unique('Mistaken'));

    const { page, login, troubles } = await colleague(browser, clinic, 'Privacy officer');
    await open(page, record);
    await page.getByRole('link', { name: 'Erasure and holds' }).click();
    await page.getByText('Nobody has asked to erase this record.').waitFor();
    await page.getByRole('button', { name: 'Put a legal hold' }).click();
    await page.getByText('Please fill this in.').waitFor();
    await page.getByLabel('Why it must be kept').selectOption({ label: 'A regulator asks for the record' });
    await page.getByRole('button', { name: 'Put a legal hold' }).click();
    await page.getByText('The hold stands from now on.').waitFor();
    expect(await page.getByRole('button', { name: 'Put a legal hold' }).count(), 'one hold at a time').toBe(0);

    await desk.page.getByRole('link', { name: 'Erasure', exact: true }).click();
    expect(await desk.page.getByText('A legal hold stands').count(), 'holds are the officer’s to know').toBe(0);
    await lookClosely(desk.page, 'asking for an erasure');
    await ask(desk.page, 'Registered by mistake');
    await desk.page.getByText('A privacy officer decides about it.').waitFor();
    expect(await desk.page.getByRole('button', { name: 'Ask for it' }).count(), 'one request at a time').toBe(0);

    await page.reload();
    const request = page.getByRole('article').filter({ hasText: 'Registered by mistake' });
    await request.getByText('Held', { exact: true }).waitFor();
    expect(await request.getByRole('button', { name: 'Agree to the erasure' }).count()).toBe(0);
    await lookClosely(page, 'an erasure that is held');
    await page.getByRole('button', { name: 'Lift the hold' }).click();
    await lookAtDialog(page, 'lifting a hold');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Lift the hold' }).click();
    await stepUp(page, clinic, login, page.getByText('The hold is lifted.'));
    await page.getByRole('region', { name: 'Legal holds' }).getByText('Lifted', { exact: true }).waitFor();

    await request.getByRole('button', { name: 'Agree to the erasure' }).click();
    const question = page.getByRole('alertdialog', { name: 'Erase this patient for good?' });
    await question.getByRole('button', { name: 'Agree to the erasure' }).click();
    await stepUp(page, clinic, login, page.getByText('The record is being erased.'));
    await request.getByText('Erased', { exact: true }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      request.getByRole('button', { name: 'Save the certificate' }).click(),
    ]);
    expect(file.suggestedFilename()).toMatch(/^erasure-[\w-]+\.json$/);
    const certificate = JSON.parse(readFileSync(await file.path(), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(certificate).length, 'a certificate that says something').toBeGreaterThan(2);
    expect(JSON.stringify(certificate)).toContain(file.suggestedFilename().slice('erasure-'.length, -'.json'.length));
    await lookClosely(page, 'an erased record');
    expect(await page.getByRole('button', { name: /Ask for it|Put a legal hold/ }).count(), 'nothing is left').toBe(0);

    await desk.page.goto(record);
    await desk.page.getByText('There is nothing here, or it is not yours to see.').waitFor();
    expect([...troubles, ...desk.troubles]).toEqual([]);
  });

  test('what the law refuses is said with what can be offered, and nobody agrees to what they asked for', async () => {
    const doctor = await person(browser);
    await signIn(doctor.page, clinic, 'physician');
    const record = await begin(doctor.page, clinic, unique('Wish'));
    await doctor.page.getByRole('link', { name: 'Erasure', exact: true }).click();
    await ask(doctor.page, 'The patient asks for it');
    const refused = doctor.page.getByRole('article').filter({ hasText: 'The patient asks for it' });
    await refused.getByText('Refused', { exact: true }).waitFor();
    const offer = region === 'us-east-1' ? 'Access to the record (45 CFR 164.524)' : 'Restricting who uses it';
    await refused.getByText('This can be offered instead:').waitFor();
    await refused.getByRole('listitem').filter({ hasText: offer }).waitFor();

    const { page } = await colleague(browser, clinic, 'Privacy officer');
    await open(page, `${record}/erasure`);
    await ask(page, 'A court or an authority orders it');
    await page.getByText('You asked for this. Somebody else has to agree.').waitFor();
    expect(await page.getByRole('button', { name: 'Agree to the erasure' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Call it off' }).click();
    await page.getByText('The erasure is called off.').waitFor();
  });
});
