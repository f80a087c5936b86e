// A parent of a child in a real browser: recorded at the desk, signed in with a second step, reading one record and the other, and
// who looked in the reader's own language; and an adult who names somebody and ends it. In both regions.
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { type Clinic, clinicOf, expectNoSidewaysScroll, inEachRegion, launch, open, person, signIn } from '../kit.ts';
import { lookAtDialog, lookClosely } from './closely.ts';
import { askForCode, letIn } from './own-record.ts';
import { registered } from './patients.ts';
import { setUpSecondStep } from './second-step.ts';
import { unique } from './unique.ts';

/** The age from which nobody stands in as a parent, by the law of the region. */
const OF_AGE = { 'us-east-1': 18, 'ap-south-1': 18 };
/** How old the child is. */
const CHILD_AGE = 6;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

const way = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click();
const whose = (page: Page) => page.getByRole('region', { name: 'Whose record' });

/** Registers a child, on whose record the page is then; its id. */
function child(page: Page, clinic: Clinic, family: string): Promise<string> {
  return registered(page, clinic, family, { born: `${new Date().getFullYear() - CHILD_AGE}-01-15` });
}

/** On a record's page: writes down who stands in, after a mistake. */
async function recordParent(page: Page, email: string, ofAge: number): Promise<void> {
  await page.getByRole('link', { name: 'Who stands in' }).click();
  await page.getByText('Nobody stands in for this patient.').waitFor();
  await lookClosely(page, 'who stands in');
  await page.getByRole('button', { name: 'Let them stand in' }).click();
  await page.getByText('Please fill this in.').first().waitFor();
  await page.getByLabel('Name on the paper').fill('Ravi Sample');
  await page.getByLabel('Their e-mail address').fill(email);
  await page.getByLabel('What was shown').selectOption('birth_certificate');
  await page.getByLabel('How it is found again').fill('Exampleton, 12 of 2020');
  const comesOfAge = `${new Date().getFullYear() - CHILD_AGE + ofAge}-01-15`;
  expect(await page.getByLabel('Ends on').inputValue(), 'the birthday on which it comes of age').toBe(comesOfAge);
  await page.getByLabel('Ends on').fill(comesOfAge.replace('-15', '-16'));
  await page.getByRole('button', { name: 'Let them stand in' }).click();
  await page.getByText('This is too late.').waitFor();
  await page.getByLabel('Ends on').fill(comesOfAge);
  await page.getByRole('button', { name: 'Let them stand in' }).click();
  await page.getByText('They stand in from now on').waitFor();
  await lookClosely(page, 'somebody who stands in');
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a parent who is a patient too chooses whose record is shown, and every screen follows', async () => {
    const [desk, own, other] = [await person(browser), await person(browser), await person(browser)];
    await signIn(desk.page, clinic, 'receptionist');
    const parent = await letIn(desk.page, clinic);
    const family = unique('Child');
    const id = await child(desk.page, clinic, family);
    await recordParent(desk.page, parent.email, OF_AGE[region]);

    const { page, troubles } = own;
    const code = await askForCode(page, clinic, parent.email);
    await page.getByLabel('Code of the mail').fill(code);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    const hidden = async () => expect(await page.locator('body').textContent()).not.toContain(family);
    await setUpSecondStep(page, parent.email, hidden);
    await page.getByRole('heading', { level: 1, name: `Hello, Sample ${parent.family}` }).waitFor();
    await lookClosely(page, 'home of a family');
    await whose(page).getByRole('combobox').selectOption(id);
    await page.getByRole('heading', { level: 1, name: `The record of Sample ${family}` }).waitFor();

    const shows = async (path: string, what: string) => {
      await page.waitForURL(`${clinic.url}/my/records/${path}`);
      await whose(page)
        .getByText(/You stand in for this person until/)
        .waitFor();
      expect(await whose(page).getByRole('combobox').inputValue(), what).toBe(id);
      expect(await page.title(), 'no name in what browsers keep').not.toContain(family);
      await page.setViewportSize({ width: 360, height: 780 });
      await expectNoSidewaysScroll(page, what);
      await page.setViewportSize({ width: 1280, height: 860 });
    };
    await way(page, 'The record');
    await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await shows(id, 'the child’s record');
    await lookClosely(page, 'the child’s record');
    await page.getByRole('link', { name: 'Ask for a correction' }).click();
    await page.getByLabel('What is wrong').fill('The given name.');
    await page.getByLabel('What it should be').fill('Sampla.');
    await page.getByRole('button', { name: 'Send to the clinic' }).click();
    await page.getByText('Waits for an answer').waitFor();
    await shows(`${id}/corrections`, 'the child’s corrections');
    await way(page, 'Documents');
    await page.getByText('There is no document in this record yet.').waitFor();
    await shows(`${id}/documents`, 'the child’s documents');
    await way(page, 'Who has seen it');
    const looks = page.getByRole('region', { name: 'Who has seen this record' });
    await looks.getByText('Somebody who stands in for the patient looked at the record.').first().waitFor();
    await shows(`${id}/access`, 'who has seen the child’s record');

    // The same in the reader's own language.
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitemradio', { name: 'हिन्दी' }).click();
    await page.keyboard.press('Escape');
    await page.getByText('मरीज़ की ओर से कार्य करने वाले व्यक्ति ने रिकॉर्ड देखा।').first().waitFor();
    await page.getByText(/\(स्वागत\) ने इलाज के लिए मरीज़ को पंजीकृत किया।/).waitFor();
    await page.locator('.bar .who').click();
    await page.getByRole('menuitemradio', { name: 'Español' }).click();
    await page.keyboard.press('Escape');
    await page.getByText('Alguien que actúa por el paciente miró la historia.').first().waitFor();
    await page.locator('.bar .who').click();
    await page.getByRole('menuitemradio', { name: 'English' }).click();
    await page.keyboard.press('Escape');

    // The screen stays, the record is the other one.
    await whose(page).getByRole('combobox').selectOption(parent.id);
    await page.waitForURL(`${clinic.url}/my/records/${parent.id}/access`);
    await page.getByRole('region', { name: 'Who has seen your record' }).waitFor();
    expect(
      await whose(page)
        .getByText(/You stand in/)
        .count(),
    ).toBe(0);
    await open(page, `${clinic.url}/my`);
    await page.getByRole('link', { name: 'Who stands in for you' }).click();
    await page.getByText('Nobody stands in for you.').waitFor();
    await lookClosely(page, 'nobody who stands in for oneself');

    // An adult names somebody too, who sees what was given and nothing else, until the adult ends it.
    const nominee = `${unique('nominee')}@example.com`;
    const atDesk = `${clinic.url}/clinic/patients`;
    await open(desk.page, `${atDesk}/${parent.id}/proxies`);
    await desk.page.getByLabel('Name on the paper').fill('Asha Nominee');
    await desk.page.getByLabel('Their e-mail address').fill(nominee);
    await desk.page.getByLabel('What was shown').selectOption('power_of_attorney');
    await desk.page.getByLabel('How it is found again').fill('Notary, 7 of 2026');
    await desk.page.getByLabel('Opens documents').uncheck();
    await desk.page.getByLabel('Asks for corrections').uncheck();
    await desk.page.getByRole('button', { name: 'Let them stand in' }).click();
    await desk.page.getByText('They stand in from now on').waitFor();
    await other.page.getByLabel('Code of the mail').fill(await askForCode(other.page, clinic, nominee));
    await other.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await setUpSecondStep(other.page, nominee);
    await other.page.getByRole('heading', { level: 1, name: `The record of Sample ${parent.family}` }).waitFor();
    expect(await other.page.getByRole('link', { name: 'Documents' }).count()).toBe(0);
    await way(other.page, 'The record');
    await other.page.getByRole('heading', { level: 1, name: `Sample ${parent.family}` }).waitFor();
    await open(other.page, `${other.page.url()}/documents`);
    await other.page.getByText('There is nothing here, or it is not yours to see.').waitFor();
    await page.reload();
    const card = page.getByRole('article', { name: 'Asha Nominee' });
    await card.getByText('Sees the record', { exact: true }).waitFor();
    await lookClosely(page, 'somebody who stands in for oneself');
    await card.getByRole('button', { name: 'End it: Asha Nominee' }).click();
    await lookAtDialog(page, 'ending that somebody stands in for oneself');
    await page.getByRole('button', { name: 'End it', exact: true }).click();
    await page.getByText('They stand in for you no longer.').waitFor();
    await card.getByText('Over').waitFor();
    await other.page.goto(`${clinic.url}/my`);
    await other.page.getByRole('button', { name: 'Send me a code' }).waitFor();

    // Ended at the desk, it is over with the next request.
    await open(desk.page, `${atDesk}/${id}/proxies`);
    await desk.page.getByRole('button', { name: /^End it: Ravi Sample/ }).click();
    await lookAtDialog(desk.page, 'ending that somebody stands in');
    await desk.page.getByRole('button', { name: 'End it', exact: true }).click();
    await desk.page.getByText('They stand in no longer.').waitFor();
    await page.goto(`${clinic.url}/my/records/${id}`);
    await page.getByText('There is nothing here, or it is not yours to see.').waitFor();
    expect(await page.locator('body').textContent()).not.toContain(family);
    expect([...troubles, ...desk.troubles, ...other.troubles]).toEqual([]);
  });
});
