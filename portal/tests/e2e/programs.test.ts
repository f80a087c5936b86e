// Programs of others, in both regions: an administrator lets one in by its key, changes what it may do and where, replaces the key,
// and ends it.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, person, signIn, stepUp } from '../kit.ts';
import { lookAtDialog, lookClosely } from './closely.ts';
import { askAs, newKey, tokenByProof } from './oauth.ts';
import { registered } from './patients.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a program is registered by its public key, reads what it may with it, and ends for good', async () => {
    const [desk, admin, outside] = [await person(browser), await person(browser), await person(browser)];
    const [name, family, site] = [unique('Link'), unique('Linked'), unique('Annex')];
    await outside.page.goto(`${clinic.url}/clinic/signed-out`);
    await signIn(desk.page, clinic, 'receptionist');
    const patient = `/api/v1/patients/${await registered(desk.page, clinic, family)}`;

    const { page, troubles } = admin;
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.postData() ?? ''));
    await signIn(page, clinic, 'clinic_admin');
    await page.getByRole('link', { name: 'Sites', exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill(site);
    await page.getByRole('button', { name: 'Add the site' }).click();
    await page.getByRole('rowheader', { name: site }).waitFor();
    await page.getByRole('link', { name: 'Programs', exact: true }).click();
    await page.getByRole('button', { name: 'Register a program' }).click();
    const sheet = page.getByRole('dialog', { name: 'Register a program' });
    await lookClosely(page, 'registering a program');
    await sheet.getByRole('button', { name: 'Register', exact: true }).click();
    await sheet.getByText('Choose at least one site.').waitFor();
    const [first, second] = [newKey(), newKey()];
    await sheet.getByLabel('Name').fill(name);
    await sheet.getByLabel('Read records').check();
    await sheet.getByLabel('Main', { exact: true }).check();
    await sheet.getByLabel('Public key (JWK)').fill('{');
    await sheet.getByRole('button', { name: 'Register', exact: true }).click();
    await sheet.getByText('This is no JSON Web Key.').waitFor();
    await sheet.getByLabel('Public key (JWK)').fill(JSON.stringify(first.pair));
    await sheet.getByRole('button', { name: 'Register', exact: true }).click();
    await sheet.getByText('This holds a private key.').waitFor();
    expect(sent.join(' '), 'a private key does not leave the page').not.toContain(first.pair.d);
    await sheet.getByLabel('Public key (JWK)').fill(JSON.stringify(first.jwk));
    await sheet.getByRole('button', { name: 'Register', exact: true }).click();
    const said = page.getByRole('status').filter({ hasText: 'It can begin at once.' });
    await stepUp(page, clinic, 'clinic_admin', said);
    const id = (await said.locator('code').textContent()) ?? '';
    const program = page.getByRole('article', { name });
    await program.getByText(id).waitFor();
    await program.getByText('patient.read').waitFor();
    await lookClosely(page, 'programs');

    const token = await tokenByProof(outside.page, clinic, id, first);
    expect(await askAs(outside.page, token, patient), 'a patient of its site').toBe(200);
    expect(await askAs(outside.page, token, '/api/v1/staff'), 'what is not listed').toBe(403);

    // What it may do and where is changed in place, and counts for the token that is out.
    const change = page.getByRole('dialog', { name: `Change ${name}` });
    const changing = async (choose: () => Promise<void>) => {
      await program.getByRole('button', { name: `Change: ${name}` }).click();
      await choose();
      await change.getByRole('button', { name: 'Save' }).click();
      await stepUp(page, clinic, 'clinic_admin', page.getByText('This is what counts from now on.'));
      await change.waitFor({ state: 'detached' });
    };
    await changing(async () => {
      await lookClosely(page, 'changing a program');
      await change.getByLabel('Main', { exact: true }).uncheck();
      await change.getByRole('button', { name: 'Save' }).click();
      await change.getByText('Choose at least one site.').waitFor();
      await change.getByLabel(site).check();
    });
    await program.getByText(site).waitFor();
    expect(await askAs(outside.page, token, patient), 'a patient of another site').toBe(404);
    await changing(async () => {
      await change.getByLabel('Main', { exact: true }).check();
      await change.getByLabel('See who it acts as').check();
      await change.getByLabel('Read records').uncheck();
    });
    await program.getByText('patient.read').waitFor({ state: 'detached' });
    expect(await askAs(outside.page, token, patient), 'what it may not do any more').toBe(403);
    await changing(() => change.getByLabel('Read records').check());
    await program.getByText('patient.read').waitFor();
    expect(await askAs(outside.page, token, patient), 'what it was given back').toBe(200);

    await program.getByRole('button', { name: `Replace the keys: ${name}` }).click();
    const keys = page.getByRole('dialog', { name: `New keys for ${name}` });
    await lookAtDialog(page, 'replacing the keys of a program');
    await keys.getByLabel('Public key (JWK)').fill(JSON.stringify({ keys: [second.jwk] }));
    await keys.getByRole('button', { name: 'Replace the keys' }).click();
    await stepUp(page, clinic, 'clinic_admin', page.getByText('The new keys count from now on.'));
    expect(await askAs(outside.page, token, patient), 'what the old key opened').toBe(401);
    const newer = await tokenByProof(outside.page, clinic, id, second);
    expect(await askAs(outside.page, newer, patient)).toBe(200);

    await program.getByRole('button', { name: `End it for good: ${name}` }).click();
    await lookAtDialog(page, 'ending a program');
    await page.getByRole('alertdialog').getByRole('button', { name: 'End it for good' }).click();
    await stepUp(page, clinic, 'clinic_admin', page.getByText('It has ended.'));
    await program.getByText('Ended', { exact: true }).waitFor();
    expect(await program.getByRole('button').count(), 'nothing is left to do').toBe(0);
    expect(await askAs(outside.page, newer, patient)).toBe(401);
    expect([...troubles, ...outside.troubles]).toEqual([]);
  });
});
