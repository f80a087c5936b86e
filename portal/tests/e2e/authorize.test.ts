// A person lets an application in, in both regions: what it asks for in plain words, no, yes, and the end of it.
import { randomBytes } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, person, signIn, stepUp } from '../kit.ts';
import { lookClosely } from './closely.ts';
import { askAs, question, REDIRECT, registerApplication, tokenByCode } from './oauth.ts';
import { signedInPatient, signInByCode } from './own-record.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

/** What the application is told when the person's browser comes back to it. */
async function broughtBack(page: Page): Promise<URLSearchParams> {
  await page.getByText('This is the application.').waitFor();
  const { origin, pathname, searchParams } = new URL(page.url());
  expect(`${origin}${pathname}`).toBe(REDIRECT);
  expect(searchParams.get('state')).toBe('a b&c');
  return searchParams;
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a patient refuses an application, lets it in, and it reads the own record until the patient or the clinic ends it', async () => {
    const [admin, outside] = [await person(browser), await person(browser)];
    const name = unique('Pocket');
    await outside.page.goto(`${clinic.url}/my/signed-out`);
    await signIn(admin.page, clinic, 'clinic_admin');
    const client = await registerApplication(admin.page, clinic, name);
    const verifier = randomBytes(32).toString('base64url');

    const { page, context, email, id, troubles } = await signedInPatient(browser, clinic);
    await context.route(
      (url) => url.href.startsWith(REDIRECT),
      (route) => route.fulfill({ contentType: 'text/plain', body: 'This is the application.' }),
    );
    await page.goto(question(clinic, client, verifier, 'https://app.example/elsewhere'));
    await page.getByText('The application asks for something that is not possible here.').waitFor();
    expect(
      await page.getByRole('button', { name: 'Let it in', exact: true }).count(),
      'no yes to another address',
    ).toBe(0);

    await page.goto(question(clinic, client, verifier));
    await page.getByText(`${name} asks to act in your name.`).waitFor();
    const abilities = page.getByRole('main').getByRole('listitem');
    expect((await abilities.allTextContents()).sort()).toEqual(['read your record', 'see who you are here']);
    expect(await page.title(), 'what browsers keep').not.toContain(client);
    await lookClosely(page, 'letting an application in');
    await page.getByRole('button', { name: 'Do not let it in' }).click();
    const refused = await broughtBack(page);
    expect([refused.get('error'), refused.get('code')]).toEqual(['access_denied', null]);

    // Whoever is not signed in signs in first and is asked then; a session of its own, so that the others' goes on.
    await context.clearCookies();
    await signInByCode(page, clinic, email, question(clinic, client, verifier));
    await page.getByRole('button', { name: 'Let it in', exact: true }).click();
    const code = (await broughtBack(page)).get('code') ?? '';
    const token = await tokenByCode(outside.page, { client, code, redirect: REDIRECT, verifier });
    expect(await askAs(outside.page, token, `/api/v1/patients/${id}`), 'what was agreed to').toBe(200);
    expect(await askAs(outside.page, token, `/api/v1/patients/${id}/documents`), 'and no more').toBe(403);

    // It is in the list of what was let in, with what it may do, and ended from there it is over at once.
    await page.goto(`${clinic.url}/my/account`);
    const letIn = page.getByRole('region', { name: 'Applications you let in' });
    await letIn.getByText('It may: see who you are here · read your record').waitFor();
    await lookClosely(page, 'the applications that were let in');
    await letIn.getByRole('button', { name: `End: ${name}` }).click();
    await letIn.getByText(`${name} can do nothing in your name any more.`).waitFor();
    await letIn.getByText('You have let no application in.').waitFor();
    expect(await askAs(outside.page, token, `/api/v1/patients/${id}`), 'what was ended').toBe(401);

    await page.goto(question(clinic, client, verifier));
    await page.getByRole('button', { name: 'Let it in', exact: true }).click();
    const anew = (await broughtBack(page)).get('code') ?? '';
    const second = await tokenByCode(outside.page, { client, code: anew, redirect: REDIRECT, verifier });
    expect(await askAs(outside.page, second, `/api/v1/patients/${id}`), 'let in again').toBe(200);

    await admin.page.getByRole('button', { name: `End it for good: ${name}` }).click();
    await admin.page.getByRole('alertdialog').getByRole('button', { name: 'End it for good' }).click();
    await stepUp(admin.page, clinic, 'clinic_admin', admin.page.getByText('It has ended.'));
    expect(await askAs(outside.page, second, `/api/v1/patients/${id}`)).toBe(401);
    await page.goto(question(clinic, client, verifier));
    await page.getByText('The application asks for something that is not possible here.').waitFor();
    expect([...troubles, ...admin.troubles]).toEqual([]);
  });
});
