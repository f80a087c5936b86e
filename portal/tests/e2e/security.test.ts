// What a browser must not keep, run, or show again.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clinicOf,
  expectAccessible,
  expectNothingKept,
  inEachRegion,
  launch,
  person,
  signIn,
  signInByHand,
  signInToConsole,
  stepUp,
  testIn,
  toPatients,
} from '../kit.ts';
import { lookClosely } from './closely.ts';
import { HOSTILE } from './hostile.ts';
import { invite } from './invite.ts';
import { openAccess, signedInPatient, signInByCode } from './own-record.ts';
import { register } from './patients.ts';
import { send } from './send.ts';
import { unique } from './unique.ts';

/** Texts of one patient's record: five names and five addresses hold each once or more. */
const TEXTS_A_PATIENT = 20;
/** Texts of one document: title, notes and the file's name. */
const TEXTS_A_DOCUMENT = 3;
/** Longest part of a name or address that the server takes, in characters. */
const PART_MAX_CHARS = 100;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

async function firstPatient(page: Page): Promise<string> {
  await toPatients(page);
  const link = page.getByRole('row').nth(1).getByRole('link');
  const name = (await link.textContent()) ?? '';
  await link.click();
  await page.getByRole('button', { name: 'Print' }).waitFor();
  return name;
}

function record(texts: string[]) {
  const at = (index: number) => texts[index % texts.length] ?? '';
  const rows = [0, 4, 8, 12, 16];
  return {
    names: rows.map((row) => ({
      use: 'usual',
      prefix: at(row + 3).slice(0, 40),
      given: [at(row), at(row + 1)],
      family: at(row + 2),
    })),
    addresses: rows.map((row) => ({
      lines: texts.slice(row, row + 4),
      city: at(row),
      district: at(row + 1),
      state: at(row + 2),
    })),
    birth_date: '1991-01-01',
    sex: 'unknown',
  };
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a session leaves nothing in storage, address, title or history, and asks nobody else', async () => {
    const { page, context, troubles } = await person(browser);
    const asked: string[] = [];
    context.on('request', (request) => asked.push(request.url()));
    await signIn(page, clinic, 'physician');
    const name = await firstPatient(page);
    await page.getByRole('link', { name: 'Correct' }).click();
    await page.getByLabel('Given names').first().waitFor();
    await expectNothingKept(page);
    const [cookie] = (await context.cookies()).filter((one) => one.name === '__Host-domicile');
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
    for (const word of name.split(' ').filter((one) => one.length > 3)) {
      for (const url of asked) expect(decodeURIComponent(url)).not.toContain(word);
      expect(await page.title()).not.toContain(word);
    }
    expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set([clinic.url]));
    expect(troubles).toEqual([]);
  });

  test('after signing out the back button shows nothing', async () => {
    const { page } = await person(browser);
    await signInByHand(page, clinic, 'physician');
    const name = await firstPatient(page);
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    for (let step = 0; step < 3; step += 1) {
      await page.goBack().catch(() => null);
      if (page.url() === 'about:blank') break;
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await page.locator('body').textContent()).not.toContain(name);
    }
  });

  test('an idle session is asked a minute before, can stay, and is cleared away whole', async () => {
    const { page } = await person(browser);
    await page.clock.install();
    await signInByHand(page, clinic, 'physician');
    const name = await firstPatient(page);
    const warning = page.getByRole('alertdialog', { name: 'Are you still there?' });
    // Fifteen minutes, less the minute that the server may be behind, less the minute of warning.
    await page.clock.fastForward('12:40');
    expect(await warning.count()).toBe(0);
    await page.clock.fastForward('00:30');
    await warning.getByRole('button', { name: 'Stay signed in' }).click();
    await warning.waitFor({ state: 'detached' });
    await page.clock.fastForward('13:10');
    await warning.waitFor();
    await page.clock.fastForward('01:05');
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    expect(await page.locator('body').textContent()).not.toContain(name);
    await page.goto(`${clinic.url}/clinic/patients`);
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  });

  test('a clinic that shortens its sessions is asked and cleared away that much earlier', async () => {
    const [admin, doctor] = [await person(browser), await person(browser)];
    await signIn(admin.page, clinic, 'clinic_admin');
    const set = async (minutes: string, inAll: string, said: string) => {
      await admin.page.goto(`${clinic.url}/clinic/sessions`);
      await admin.page.getByLabel('Minutes without use').fill(minutes);
      await admin.page.getByLabel('Minutes in all').fill(inAll);
      await admin.page.getByRole('button', { name: 'Save' }).click();
      await stepUp(admin.page, clinic, 'clinic_admin', admin.page.getByText(said));
    };
    const done = 'This counts from now on.';
    await set('16', '720', 'This is shorter or longer than is allowed.');
    await set('none', '720', 'This is shorter or longer than is allowed.');
    await set('10', '480', done);
    try {
      await lookClosely(admin.page, 'how long sessions live');
      await doctor.page.clock.install();
      await signInByHand(doctor.page, clinic, 'physician');
      const name = await firstPatient(doctor.page);
      const warning = doctor.page.getByRole('alertdialog', { name: 'Are you still there?' });
      // Ten minutes, less the minute that the server may be behind, less the minute of warning.
      await doctor.page.clock.fastForward('07:40');
      expect(await warning.count()).toBe(0);
      await doctor.page.clock.fastForward('00:30');
      await warning.waitFor();
      await doctor.page.clock.fastForward('01:05');
      await doctor.page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
      expect(await doctor.page.locator('body').textContent()).not.toContain(name);
    } finally {
      await set('15', '720', done);
    }
    expect([...admin.troubles, ...doctor.troubles]).toEqual([]);
  });

  test('two hundred hostile texts in every field that takes them stay text', async () => {
    const [desk, admin] = [await person(browser), await person(browser)];
    const dialogs: string[] = [];
    for (const { page } of [desk, admin]) {
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.message());
        void dialog.dismiss();
      });
    }
    const { page } = desk;
    await signIn(page, clinic, 'receptionist');
    await signIn(admin.page, clinic, 'clinic_admin');
    expect(new Set(HOSTILE).size).toBe(200);
    for (let from = 0; from < HOSTILE.length; from += TEXTS_A_PATIENT) {
      const texts = HOSTILE.slice(from, from + TEXTS_A_PATIENT).map((text) => text.slice(0, PART_MAX_CHARS));
      expect(await send(page, clinic, '/api/v1/patients', record(texts)), `texts from ${from}`).toMatch(/^201 /);
    }
    await invite(admin.page, clinic, {
      email: `${crypto.randomUUID()}@example.com`,
      name: HOSTILE[10] ?? '',
      role: 'Nurse',
    });

    await page.goto(`${clinic.url}/clinic/patients`);
    await page.getByRole('table').waitFor();
    const links = page.getByRole('rowheader').getByRole('link');
    const hrefs = await links.evaluateAll((all) => all.slice(0, 10).map((one) => one.getAttribute('href')));
    for (const href of hrefs) {
      for (const below of ['', '/edit']) {
        await page.goto(`${clinic.url}${href}${below}`);
        await page.locator('.panel').nth(3).waitFor();
      }
    }
    await admin.page.goto(`${clinic.url}/clinic/staff`);
    await admin.page.getByRole('table').waitFor();
    for (const { page: seen, troubles } of [desk, admin]) {
      expect(await seen.evaluate(() => '__hit' in window)).toBe(false);
      expect(await seen.locator('#root script, #root iframe, #root object, #root img').count()).toBe(0);
      expect(troubles).toEqual([]);
    }
    expect(dialogs).toEqual([]);
  });

  test('hostile texts that staff write about documents and sites stay text', async () => {
    const [doctor, admin] = [await person(browser), await person(browser)];
    await signIn(doctor.page, clinic, 'physician');
    await doctor.page.goto(`${clinic.url}/clinic/patients`);
    await register(doctor.page, unique('Papers'));
    await doctor.page.getByRole('button', { name: 'Print' }).waitFor();
    const record = doctor.page.url();
    const id = new URL(record).pathname.split('/').at(-1) ?? '';
    for (let at = 0; at < HOSTILE.length; at += TEXTS_A_DOCUMENT) {
      const [title = 'x', notes = 'x', file_name = 'x'] = HOSTILE.slice(at, at + TEXTS_A_DOCUMENT);
      const announced = { kind: 'other', media_type: 'text/plain', size_bytes: 5, title, notes, file_name };
      const path = `/api/v1/patients/${id}/documents`;
      expect(await send(doctor.page, clinic, path, announced), title).toMatch(/^201 /);
    }
    await doctor.page.goto(`${record}/documents`);
    const rows = doctor.page.getByRole('rowheader');
    await rows.first().waitFor();
    await doctor.page.getByRole('button', { name: 'Show more' }).click();
    await doctor.page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'detached' });
    expect(await rows.count()).toBe(Math.ceil(HOSTILE.length / TEXTS_A_DOCUMENT));

    await signIn(admin.page, clinic, 'clinic_admin');
    const made = await send(admin.page, clinic, '/api/v1/sites', { name: unique('Hostile') });
    expect(made).toMatch(/^201 /);
    const { id: site } = JSON.parse(made.slice('201 '.length)) as { id: string };
    for (const text of HOSTILE.filter((_text, at) => at % (HOSTILE.length / TEXTS_A_PATIENT) === 0)) {
      const name = text.slice(0, PART_MAX_CHARS);
      expect(await send(admin.page, clinic, `/api/v1/sites/${site}`, { name }, 'PUT'), name).toMatch(/^200 /);
      await admin.page.goto(`${clinic.url}/clinic/sites`);
      await admin.page.getByRole('row').filter({ hasText: site }).waitFor();
      expect(await admin.page.evaluate(() => '__hit' in window), name).toBe(false);
    }
    const name = unique('Harmless');
    expect(await send(admin.page, clinic, `/api/v1/sites/${site}`, { name }, 'PUT')).toMatch(/^200 /);
    await admin.page.reload();
    await admin.page.getByRole('button', { name: `Close: ${name}` }).click();
    await admin.page.getByRole('alertdialog').getByRole('button', { name: 'Close' }).click();
    await admin.page.getByText(`${name} is closed.`).waitFor();
    for (const { page, troubles } of [doctor, admin]) {
      expect(await page.evaluate(() => '__hit' in window)).toBe(false);
      expect(await page.locator('#root script, #root iframe, #root object, #root img').count()).toBe(0);
      expect(troubles).toEqual([]);
    }
  });
});

inEachRegion('a patient in', (region) => {
  const clinic = clinicOf(region);

  test('leaves nothing in storage, address or title, and after signing out the back button shows nothing', async () => {
    const { page, context, family, email, troubles } = await signedInPatient(browser, clinic);
    // A session of its own: the others' goes on.
    await context.clearCookies();
    const asked: string[] = [];
    context.on('request', (request) => asked.push(request.url()));
    await signInByCode(page, clinic, email);
    await page.getByRole('heading', { level: 1, name: `Hello, Sample ${family}` }).waitFor();
    await page.locator('.way-card').first().click();
    await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
    await expectNothingKept(page);
    for (const url of asked) {
      expect(decodeURIComponent(url)).not.toContain(family);
      expect(decodeURIComponent(url)).not.toContain(email);
    }
    expect(await page.title()).not.toContain(family);
    expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set([clinic.url]));
    await page.getByRole('button', { name: /^Account/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
    for (let step = 0; step < 3; step += 1) {
      await page.goBack().catch(() => null);
      if (page.url() === 'about:blank') break;
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await page.locator('body').textContent()).not.toContain(family);
    }
    expect(troubles).toEqual([]);
  });

  test('is shown hostile texts as text', async () => {
    const [desk, own] = [await person(browser), await person(browser)];
    await signIn(desk.page, clinic, 'receptionist');
    const texts = HOSTILE.filter((_text, at) => at % (HOSTILE.length / TEXTS_A_PATIENT) === 0);
    const body = record(texts.map((text) => text.slice(0, PART_MAX_CHARS)));
    const made = await send(desk.page, clinic, '/api/v1/patients', body);
    expect(made).toMatch(/^201 /);
    const { id } = JSON.parse(made.slice('201 '.length)) as { id: string };
    for (const text of texts) {
      const given = {
        recipient: text,
        description: text,
        statement: text,
        purpose: 'other',
        disclosed_on: new Date().toISOString().slice(0, 10),
      };
      expect(await send(desk.page, clinic, `/api/v1/patients/${id}/disclosures`, given)).toMatch(/^201 /);
    }
    const email = `${unique('hostile')}@example.com`;
    await desk.page.goto(`${clinic.url}/clinic/patients/${id}`);
    await openAccess(desk.page, email);
    await signInByCode(own.page, clinic, email);
    await own.page.locator('.way-card').first().waitFor();
    for (const below of ['', '/contact', '/access']) {
      await own.page.goto(`${clinic.url}/my/records/${id}${below}`);
      await own.page.locator('.panel').first().waitFor();
      await own.page.locator('.skeleton').first().waitFor({ state: 'detached' });
      expect(await own.page.evaluate(() => '__hit' in window)).toBe(false);
      expect(await own.page.locator('#root script, #root iframe, #root object, #root img').count()).toBe(0);
      // The form holds them as values.
      const shown = (await own.page.locator('main').textContent()) ?? '';
      if (below !== '/contact') expect(shown).toContain('onerror=window.__hit=1');
    }
    expect(own.troubles).toEqual([]);
  });
});

testIn('us-east-1')('the console keeps nothing either', async () => {
  const { page, troubles } = await person(browser);
  await signInToConsole(page);
  await page.getByRole('link', { name: 'Directory' }).click();
  await page.getByRole('table').waitFor();
  await expectNothingKept(page);
  expect(troubles).toEqual([]);
});

testIn('us-east-1')('a US host shows nothing of an Indian clinic but the way there', async () => {
  const [here, india] = [clinicOf('us-east-1'), clinicOf('ap-south-1')];
  const { page, troubles } = await person(browser);
  const wrong = here.url.replace(here.slug, india.slug);
  expect(wrong).not.toBe(here.url);
  // What a program is told.
  await page.route(`${wrong}/api/**`, (route) =>
    route.continue({ headers: { ...route.request().headers(), accept: 'application/json' } }),
  );
  const refused = await page.goto(`${wrong}/api/v1/openapi.json`);
  expect(refused?.status()).toBe(421);
  const told = JSON.parse((await page.locator('pre').textContent()) ?? '') as Record<string, unknown>;
  expect([told.code, told.host]).toEqual(['wrong_host', new URL(india.url).hostname]);
  expect(Object.keys(told).sort(), 'and nothing else').toEqual(['code', 'host', 'instance', 'status', 'title', 'type']);
  // What a person is told.
  for (const path of ['/clinic', '/my']) {
    const answer = await page.goto(`${wrong}${path}`);
    expect(answer?.status(), path).toBe(421);
    await page.getByRole('heading', { level: 1, name: 'This clinic answers at another address.' }).waitFor();
    const said = ((await page.locator('body').textContent()) ?? '').trim().split(/\s*\n\s*/);
    expect(said, 'and nothing else').toEqual(['This clinic answers at another address.', india.url]);
    expect(await page.locator('script, style, link, img, [style]').count(), path).toBe(0);
  }
  expect(troubles).toEqual([]);
  await expectAccessible(page, 'the way to the right host');
  await page.getByRole('link').click();
  await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  expect(new URL(page.url()).origin).toBe(india.url);
  // An address at which nobody is: no way, and nothing of those who are somewhere.
  const nowhere = await page.goto(here.url.replace(here.slug, 'no-such-clinic'));
  expect(nowhere?.status()).toBe(404);
  expect(((await page.locator('body').textContent()) ?? '').trim()).toBe('There is no such clinic.');
});
