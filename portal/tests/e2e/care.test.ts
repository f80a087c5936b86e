// What surrounds a record, in both regions: its documents, its care team, and the emergency of somebody who is in neither.
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { clinicOf, inEachRegion, launch, open, person, signIn, stepUp } from '../kit.ts';
import { lookAtDialog, lookClosely } from './closely.ts';
import { colleague } from './invite.ts';
import { openBySearch, registered } from './patients.ts';
import { lookAt, picture } from './picture.ts';
import { unique } from './unique.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

interface Sample {
  name: string;
  type: string;
  text: string;
}

/** Drops a file as a hand does: the page gets the same events. */
async function drop(page: Page, { name, type, text }: Sample): Promise<void> {
  const data = await page.evaluateHandle(
    ([fileName, fileType, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([content as string], fileName as string, { type: fileType as string }));
      return transfer;
    },
    [name, type, text],
  );
  await page.getByText('Choose a file or drop it here').dispatchEvent('drop', { dataTransfer: data });
}

const choose = (page: Page, { name, type, text }: Sample) =>
  page.getByLabel('Choose a file or drop it here').setInputFiles({ name, mimeType: type, buffer: Buffer.from(text) });

/** A line as slow as a bad mobile one, so that there is something to cancel. */
const SLOW = { offline: false, latency: 50, downloadThroughput: 500_000, uploadThroughput: 100_000 };

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a document is dropped, checked and opened once by its link, a picture is looked at; what is no document is refused', async () => {
    const { page, troubles } = await person(browser);
    const family = unique('Paper');
    const text = `Result of ${family}: 4.2\n`;
    await signIn(page, clinic, 'physician');
    await registered(page, clinic, family);
    await page.getByRole('link', { name: 'Documents' }).click();
    await page.getByText('There is no document that you may see.').waitFor();

    await drop(page, { name: 'program.exe', type: 'application/x-msdownload', text });
    await page.getByText('Files of this type are not taken.').waitFor();
    await drop(page, { name: 'result.txt', type: 'text/plain', text });
    await page.getByLabel('Title').fill('Blood count');
    await page.getByLabel('Kind').selectOption({ label: 'Laboratory report' });
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    const row = page.getByRole('row', { name: /^Blood count/ });
    await row.getByText('In the record').waitFor();

    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      row.getByRole('button', { name: 'Download: Blood count' }).click(),
    ]);
    expect(readFileSync(await file.path(), 'utf8')).toBe(text);
    expect(file.url()).toMatch(/^https:\/\/[^/]+\/api\/v1\/document-links\/[\w-]{43}$/);
    const again = await page.evaluate(async (url) => (await fetch(url)).status, file.url());
    expect(again, 'the link works once').toBe(404);

    await page.getByLabel('Choose a file or drop it here').setInputFiles(picture('X-ray'));
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page
      .getByRole('row', { name: /^X-ray/ })
      .getByText('In the record')
      .waitFor();
    await lookAt(page, 'X-ray');
    expect(await row.getByRole('button', { name: /^View/ }).count(), 'a text is only saved').toBe(0);

    await choose(page, { name: 'scan.pdf', type: 'application/pdf', text: 'This is no PDF.' });
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    const refused = page.getByRole('row', { name: /^scan/ });
    await refused.getByText('Refused').waitFor();
    expect(await refused.getByRole('button', { name: 'Download: scan' }).count(), 'nobody opens it').toBe(0);

    await row.getByRole('button', { name: 'Take out: Blood count' }).click();
    await lookAtDialog(page, 'taking a document out');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Take out' }).click();
    await page.getByText('The document is out of the record.').waitFor();
    expect(troubles).toEqual([]);
  });

  test('what is said about a document is corrected, and a newer one takes its place once it is accepted', async () => {
    const { page, troubles } = await person(browser);
    await signIn(page, clinic, 'physician');
    await registered(page, clinic, unique('Words'));
    await page.getByRole('link', { name: 'Documents' }).click();
    await choose(page, { name: 'scan.txt', type: 'text/plain', text: 'The first text.\n' });
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    const before = page.getByRole('row', { name: /^scan/ });
    await before.getByText('In the record').waitFor();

    await before.getByRole('button', { name: 'Correct: scan' }).click();
    const words = page.getByRole('dialog', { name: 'Correct what is said about the document' });
    await words.getByLabel('Title').fill('');
    await words.getByRole('button', { name: 'Save' }).click();
    await words.getByText('Please fill this in.').waitFor();
    await words.getByLabel('Title').fill('Letter');
    await words.getByLabel('Notes').fill('Page two\nis missing.');
    await words.getByLabel('Kind').selectOption({ label: 'Referral' });
    await words.getByLabel('Date on the document').fill('2100-01-15');
    await lookClosely(page, 'correcting what is said about a document');
    await words.getByRole('button', { name: 'Save' }).click();
    await words.getByText('This date is in the future.').waitFor();
    await words.getByLabel('Date on the document').fill('2026-01-15');
    await words.getByRole('button', { name: 'Save' }).click();
    await page.getByText('What is said about the document is corrected.').waitFor();
    const letter = page.getByRole('row', { name: /^Letter/ });
    await letter.getByText(/^Referral/).waitFor();
    await letter.getByText(/^of .*2026/).waitFor();
    await letter.getByText('Page two is missing.').waitFor();

    await letter.getByRole('button', { name: 'Replace: Letter' }).click();
    const newer = page.getByRole('dialog', { name: 'Replace “Letter”' });
    await lookClosely(page, 'replacing a document');
    const file = { name: 'whole.txt', mimeType: 'text/plain', buffer: Buffer.from('The whole text.\n') };
    await newer.getByLabel('Choose a file or drop it here').setInputFiles(file);
    await newer.getByLabel('Title').fill('Letter, whole');
    await newer.getByRole('button', { name: 'Send the new one' }).click();
    await page.getByText('The new file has arrived. Once it is found good, it takes the old one’s place.').waitFor();
    const whole = page.getByRole('row', { name: /^Letter, whole/ });
    await whole.getByText('In the record').waitFor();
    const old = page.getByRole('row', { name: /^Letter Page two/ });
    await old.getByText('Replaced', { exact: true }).waitFor();
    expect(await old.getByRole('button', { name: /^Replace/ }).count(), 'what was replaced is history').toBe(0);
    const [first] = await Promise.all([
      page.waitForEvent('download'),
      old.getByRole('button', { name: 'Download: Letter' }).click(),
    ]);
    expect(readFileSync(await first.path(), 'utf8'), 'and can still be read').toBe('The first text.\n');
    expect(troubles).toEqual([]);
  });

  test('the sending of a large file shows how far it is, and leaves nothing when it is cancelled', async () => {
    const { page, context } = await person(browser);
    const family = unique('Slow');
    await signIn(page, clinic, 'physician');
    await registered(page, clinic, family);
    await page.getByRole('link', { name: 'Documents' }).click();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', SLOW);
    await choose(page, { name: 'large.txt', type: 'text/plain', text: 'A line of text.\n'.repeat(300_000) });
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    const bar = page.getByRole('progressbar', { name: 'Sending the file' });
    await page.getByText(/^([1-9]|\d\d) % of 5 MB$/).waitFor();
    expect(Number(await bar.getAttribute('value'))).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Cancel the sending' }).click();
    await page.getByText('The sending was cancelled. Nothing of it is left.').waitFor();
    await page.getByText('There is no document that you may see.').waitFor();
  });

  test('the desk puts a physician into a care team and takes them off; each counts at once', async () => {
    const [desk, doctor] = [await person(browser), await person(browser)];
    const family = unique('Team');
    await signIn(doctor.page, clinic, 'physician');
    await signIn(desk.page, clinic, 'receptionist');
    await registered(desk.page, clinic, family);
    await desk.page.getByRole('link', { name: 'Care team' }).click();
    await desk.page.getByText('Nobody treats this patient here yet.').waitFor();
    const record = desk.page.url().replace('/care-team', '');

    const added = desk.page.getByLabel('Colleague');
    await desk.page.getByRole('button', { name: 'Add to the team' }).click();
    await desk.page.getByText('Please fill this in.').waitFor();
    expect(await added.getByRole('option', { name: /Demo (Desk|Admin)/ }).count(), 'nobody who does not treat').toBe(0);
    await added.selectOption({ label: 'Demo Doctor' });
    await desk.page.getByRole('button', { name: 'Add to the team' }).click();
    const member = desk.page.getByRole('row', { name: /^Demo Doctor Physician/ });
    await member.waitFor();
    await added.getByRole('option', { name: 'Demo Doctor' }).waitFor({ state: 'detached' });
    await openBySearch(doctor.page, clinic, family);

    await member.getByRole('button', { name: 'Take off the team: Demo Doctor' }).click();
    await lookAtDialog(desk.page, 'taking somebody off a care team');
    await desk.page.getByRole('alertdialog').getByRole('button', { name: 'Take off the team' }).click();
    await desk.page.getByText('The member has left the team.').waitFor();
    await open(doctor.page, record);
    await doctor.page.getByText('There is nothing here, or it is not yours to see.').waitFor();
  });

  test('an emergency opens one record with a reason, ends early, and the privacy officer reviews it', async () => {
    const [desk, doctor] = [await person(browser), await person(browser)];
    const [family, mrn] = [unique('Urgent'), unique('E')];
    await signIn(desk.page, clinic, 'receptionist');
    await registered(desk.page, clinic, family, { mrn });

    await signIn(doctor.page, clinic, 'physician');
    await doctor.page.getByRole('link', { name: 'Emergency' }).click();
    await doctor.page.getByLabel('Record number').fill(mrn);
    await doctor.page.getByLabel('The reason in a sentence').fill('short');
    await doctor.page.getByRole('button', { name: 'Open in an emergency' }).click();
    await stepUp(doctor.page, clinic, 'physician', doctor.page.getByText('This is too short.'));
    const reason = `Found without consciousness at ${unique('gate')}.`;
    await doctor.page.getByLabel('The reason in a sentence').fill(reason);
    await doctor.page.getByRole('button', { name: 'Open in an emergency' }).click();
    const opened = doctor.page.getByRole('link', { name: 'Open the record' });
    await opened.waitFor();
    const record = `${clinic.url}${await opened.getAttribute('href')}`;
    await opened.click();
    await doctor.page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await doctor.page.goBack();

    const officer = await colleague(browser, clinic, 'Privacy officer');
    await officer.page.getByRole('link', { name: 'Emergency reviews' }).click();
    const waiting = officer.page.getByRole('region').filter({ hasText: reason });
    await waiting.getByRole('button', { name: 'Review', exact: true }).click();
    const sheet = officer.page.getByRole('dialog', { name: 'Review' });
    await lookAtDialog(officer.page, 'reviewing an emergency');
    await sheet.getByLabel('Why').fill('The account of the ward agrees.');
    await sheet.getByRole('button', { name: 'Close the review' }).click();
    await officer.page.getByText('The review is closed.').waitFor();
    await waiting.waitFor({ state: 'detached' });
    expect(officer.troubles).toEqual([]);

    await doctor.page.getByRole('button', { name: 'End it now' }).click();
    await doctor.page.getByText('The emergency access has ended.').waitFor();
    await open(doctor.page, record);
    await doctor.page.getByText('There is nothing here, or it is not yours to see.').waitFor();
  });
});
