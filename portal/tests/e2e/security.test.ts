// What a browser must not keep, run, or show again.
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import {
  clinicOf,
  expectAccessible,
  expectNothingKept,
  inEachRegion,
  launch,
  open,
  person,
  STACK,
  signIn,
  signInByHand,
  signInToConsole,
  stepUp,
  testIn,
  toPatients,
} from '../kit.ts';
import { fillAnswer } from './answers.ts';
import { lookClosely } from './closely.ts';
import { expectInert, expectShownInert, HOSTILE, halfIn, packed, SAMPLE } from './hostile.ts';
import { colleague, invite } from './invite.ts';
import { newKey } from './oauth.ts';
import { openAccess, signedInPatient, signInByCode } from './own-record.ts';
import { registered } from './patients.ts';
import { answered, type Change, send, sendAll, sendAllProven, senderWhoProves } from './send.ts';
import { unique } from './unique.ts';

/** Texts of one patient's record: five names and five addresses hold each in every field. */
const TEXTS_A_PATIENT = 5;
/** The longest that the server takes, in characters: honorifics, parts of names and addresses, references, recipients and titles,
 * names of files, addresses of recipients, reasons of emergencies, and what is to be corrected or noted. */
const [PREFIX_MAX_CHARS, PART_MAX_CHARS, REFERENCE_MAX_CHARS] = [40, 100, 200];
const [FILE_NAME_MAX_CHARS, ADDRESS_MAX_CHARS, REASON_MAX_CHARS, TEXT_MAX_CHARS] = [255, 300, 500, 2_000];
/** From now to a day that has not begun anywhere. */
const TWO_DAYS_MS = 2 * 24 * 3_600_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

async function firstPatient(page: Page): Promise<string> {
  await toPatients(page);
  const link = page.getByRole('row').nth(1).getByRole('link');
  const name = (await link.textContent()) ?? '';
  await link.click();
  await page.getByRole('button', { name: 'Print' }).waitFor();
  return name;
}

/** After how many minutes without use sessions end where nobody chose less: of staff and the platform, and of patients. */
const [STAFF_IDLE_MIN, PATIENT_IDLE_MIN] = [15, 10];

/** Lets a session of so many idle minutes run down, stay once, and end; what was on the page is gone then. */
async function expectIdleEnd(page: Page, idleMin: number, shown: string): Promise<void> {
  const warning = page.getByRole('alertdialog', { name: 'Are you still there?' });
  expect(await page.locator('body').textContent()).toContain(shown);
  // An answer that is under way would come after the clock was moved, and count as use from then on.
  await page.waitForLoadState('networkidle');
  // Less the minute that the server may be behind, less the minute of warning.
  const quietMs = (idleMin - 2) * 60_000;
  await page.clock.fastForward(quietMs - 20_000);
  expect(await warning.count()).toBe(0);
  await page.clock.fastForward(30_000);
  await warning.getByRole('button', { name: 'Stay signed in' }).click();
  await warning.waitFor({ state: 'detached' });
  await page.clock.fastForward(quietMs + 10_000);
  await warning.waitFor();
  await page.clock.fastForward(65_000);
  await page.getByRole('heading', { level: 1, name: 'You are signed out' }).waitFor();
  expect(await page.locator('body').textContent()).not.toContain(shown);
  await expectNothingKept(page);
}

/** The texts in lots of so many, the last one of what is left. */
const inLots = (texts: string[], size: number): string[][] =>
  Array.from({ length: Math.ceil(texts.length / size) }, (_, at) => texts.slice(at * size, (at + 1) * size));

function record(texts: string[]) {
  const at = (index: number) => texts[index % texts.length] ?? '';
  const rows = [0, 4, 8, 12, 16];
  return {
    names: rows.map((row) => ({
      use: 'usual',
      prefix: at(row + 3).slice(0, PREFIX_MAX_CHARS),
      given: [at(row), at(row + 1)],
      family: at(row + 2),
    })),
    addresses: rows.map((row) => ({
      lines: [at(row), at(row + 1), at(row + 2), at(row + 3)],
      city: at(row),
      district: at(row + 1),
      state: at(row + 2),
      postal_code: at(row + 3),
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
    // Not the physician, whose codes the tests before and after this one need.
    await signInByHand(page, clinic, 'receptionist');
    await firstPatient(page);
    const name = (await page.getByRole('heading', { level: 1 }).textContent()) ?? '';
    await expectIdleEnd(page, STAFF_IDLE_MIN, name);
    await page.goto(`${clinic.url}/clinic/patients`);
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
  });

  test('a clinic that shortens its sessions is asked and cleared away that much earlier', async () => {
    const [admin, doctor] = [await person(browser), await person(browser)];
    await signIn(admin.page, clinic, 'clinic_admin');
    const set = async (minutes: string, inAll: string, said: string) => {
      await open(admin.page, `${clinic.url}/clinic/sessions`);
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
      await lookClosely(doctor.page, 'a session that is about to end');
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
    const records = inLots(HOSTILE, TEXTS_A_PATIENT).map((texts): [string, object] => {
      return ['/api/v1/patients', record(texts.map((text) => text.slice(0, PART_MAX_CHARS)))];
    });
    const ids = (await sendAll(page, clinic, records)).map((answer) => answered<{ id: string }>(answer).id);
    // The screens are the same in both regions: each region's look is at every other record.
    const seenHere = ids.filter((_, at) => (at % 2 === 0) === (region === 'us-east-1'));
    await invite(admin.page, clinic, {
      email: `${crypto.randomUUID()}@example.com`,
      name: HOSTILE[10] ?? '',
      role: 'Nurse',
    });

    await open(page, `${clinic.url}/clinic/patients`);
    await page.getByRole('rowheader').first().waitFor();
    const endPatients = await fillAnswer(page, '/api/v1/patients', 'id', 'name');
    await page.reload();
    await page
      .getByRole('rowheader')
      .nth(HOSTILE.length - 1)
      .waitFor();
    await expectShownInert(page, 'patients');
    await endPatients();
    for (const id of seenHere) {
      for (const below of ['', '/edit']) {
        await open(page, `${clinic.url}/clinic/patients/${id}${below}`);
        await page.locator('.panel').nth(3).waitFor();
        await expectInert(page, `a record with hostile texts${below}`);
      }
    }
    await admin.page.reload();
    await admin.page
      .getByRole('rowheader')
      .filter({ hasText: HOSTILE[10] ?? '' })
      .first()
      .waitFor();
    await expectInert(admin.page, 'staff');
    await fillAnswer(admin.page, '/api/v1/staff', 'account', 'display_name');
    await admin.page.reload();
    await admin.page
      .getByRole('rowheader')
      .nth(HOSTILE.length - 1)
      .waitFor();
    await expectShownInert(admin.page, 'staff with every hostile text');
    for (const { page: seen, troubles } of [desk, admin]) {
      await expectInert(seen, seen.url());
      expect(troubles).toEqual([]);
    }
    expect(dialogs).toEqual([]);
  });

  // What shows them is the same in both regions, and it takes a page for each.
  test.runIf(region === 'ap-south-1')(
    'hostile texts that staff write about documents and sites stay text',
    async () => {
      const [doctor, admin] = [await person(browser), await person(browser)];
      await signIn(doctor.page, clinic, 'physician');
      const id = await registered(doctor.page, clinic, unique('Papers'));
      const [notes, names] = [packed(HOSTILE, TEXT_MAX_CHARS), packed(HOSTILE, FILE_NAME_MAX_CHARS)];
      const papers = packed(HOSTILE, REFERENCE_MAX_CHARS).map((title, at): Change => {
        const said = { title, notes: notes[at % notes.length], file_name: names[at % names.length] };
        return [
          `/api/v1/patients/${id}/documents`,
          { kind: 'other', media_type: 'text/plain', size_bytes: 5, ...said },
        ];
      });
      for (const answer of await sendAll(doctor.page, clinic, papers)) expect(answer).toMatch(/^201 /);
      await open(doctor.page, `${clinic.url}/clinic/patients/${id}/documents`);
      const rows = doctor.page.getByRole('rowheader');
      await rows.first().waitFor();
      // A page that does not come leaves what is there, and is asked for again where somebody pressed.
      const before = await rows.count();
      await doctor.context.setOffline(true);
      await doctor.page.getByRole('button', { name: 'Show more' }).click();
      await doctor.page.getByText('The server does not answer.').waitFor();
      expect(await rows.count()).toBe(before);
      await doctor.context.setOffline(false);
      await doctor.page.getByRole('button', { name: 'Try again' }).click();
      await rows.nth(before).waitFor();
      expect(await doctor.page.getByRole('button', { name: /^(Show more|Try again)$/ }).count()).toBe(0);
      expect(await rows.count()).toBe(papers.length);

      await signIn(admin.page, clinic, 'clinic_admin');
      const sendProven = senderWhoProves(admin.page, clinic, 'clinic_admin');
      const { id: site } = answered<{ id: string }>(await sendProven('/api/v1/sites', { name: unique('Hostile') }));
      const { id: program } = answered<{ id: string }>(
        await sendProven('/api/v1/oauth/clients', {
          kind: 'machine',
          name: unique('Hostile'),
          scopes: ['patient.read'],
          sites: [site],
          jwks: { keys: [newKey().jwk] },
        }),
      );
      // Each name is stored and comes back as it was; the last ones are looked at where they are, and then all of them at once.
      const called = packed(HOSTILE, PART_MAX_CHARS);
      const changes = called.flatMap((name, at): Change[] => [
        [`/api/v1/sites/${site}`, { name }, { method: 'PUT' }],
        [`/api/v1/oauth/clients/${program}`, { name }, { method: 'PATCH', version: at + 1 }],
      ]);
      const kept = (await sendAllProven(admin.page, clinic, 'clinic_admin', changes)).map(
        (answer) => answered<{ name: string }>(answer, 200).name,
      );
      expect(kept).toEqual(called.flatMap((one) => [one, one]));
      const last = called.at(-1) ?? '';
      for (const [path, list, row, rows] of [
        ['sites', 'sites', admin.page.getByRole('row').filter({ hasText: site }), admin.page.getByRole('rowheader')],
        ['programs', 'oauth/clients', admin.page.getByRole('article'), admin.page.getByRole('article')],
      ] as const) {
        await open(admin.page, `${clinic.url}/clinic/${path}`);
        await row.filter({ hasText: last }).first().waitFor();
        await expectInert(admin.page, path);
        const end = await fillAnswer(admin.page, `/api/v1/${list}`, 'id', 'name');
        await admin.page.reload();
        await rows.nth(HOSTILE.length - 1).waitFor();
        await expectShownInert(admin.page, `${path} with every hostile text`);
        await end();
      }
      expect(await sendProven(`/api/v1/oauth/clients/${program}/disable`)).toMatch(/^204 /);
      const name = unique('Harmless');
      expect(await sendProven(`/api/v1/sites/${site}`, { name }, { method: 'PUT' })).toMatch(/^200 /);
      await open(admin.page, `${clinic.url}/clinic/sites`);
      await admin.page.getByRole('button', { name: `Close: ${name}` }).click();
      await admin.page.getByRole('alertdialog').getByRole('button', { name: 'Close' }).click();
      await admin.page.getByText(`${name} is closed.`).waitFor();
      for (const { page, troubles } of [doctor, admin]) {
        await expectInert(page, page.url());
        expect(troubles).toEqual([]);
      }
    },
  );

  test('hostile reasons of emergencies and notes of their reviews stay text', async () => {
    const [desk, doctor] = [await person(browser), await person(browser)];
    await signIn(desk.page, clinic, 'receptionist');
    const { id: patient } = answered<{ id: string }>(
      await send(desk.page, clinic, '/api/v1/patients', {
        names: [{ use: 'usual', given: ['Sample'], family: unique('Urgent') }],
        birth_date: '1991-01-01',
        sex: 'unknown',
      }),
    );
    await signIn(doctor.page, clinic, 'physician');
    const sendProven = senderWhoProves(doctor.page, clinic, 'physician');
    const reasons = packed(HOSTILE, REASON_MAX_CHARS);
    const started: string[] = [];
    for (const reason of reasons) {
      const asked = await sendProven('/api/v1/break-glass', { patient, reason, reason_code: 'emergency' });
      const { id } = answered<{ id: string }>(asked);
      started.push(id);
      expect(await sendProven(`/api/v1/break-glass/${id}/end`)).toMatch(/^204 /);
    }
    const { page, troubles } = await colleague(browser, clinic, 'Privacy officer');
    await open(page, `${clinic.url}/clinic/emergency`);
    await page.locator('.panel').first().waitFor();
    await expectShownInert(page, 'emergencies to review');
    const reviews = started.map((id, at): [string, object] => [
      `/api/v1/break-glass/${id}/review`,
      { verdict: 'justified', note: reasons[at] ?? '' },
    ]);
    for (const answer of await sendAll(page, clinic, reviews)) expect(answer).toMatch(/^204 /);
    expect([...troubles, ...doctor.troubles]).toEqual([]);
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

  test('is asked a minute before an idle session ends, can stay, and is cleared away whole', async () => {
    const { family, email } = await signedInPatient(browser, clinic);
    const { page } = await person(browser);
    await page.clock.install();
    await signInByCode(page, clinic, email);
    await page.getByRole('heading', { level: 1, name: `Hello, Sample ${family}` }).waitFor();
    await expectIdleEnd(page, PATIENT_IDLE_MIN, family);
    await page.goto(`${clinic.url}/my`);
    await page.getByRole('button', { name: 'Send me a code' }).waitFor();
  });

  test('is shown hostile texts as text', async () => {
    const [desk, own] = [await person(browser), await person(browser)];
    const officer = await colleague(browser, clinic, 'Privacy officer');
    await signIn(desk.page, clinic, 'receptionist');
    const body = record(SAMPLE.map((text) => text.slice(0, PART_MAX_CHARS)));
    const { id } = answered<{ id: string }>(await send(desk.page, clinic, '/api/v1/patients', body));
    const about = `/api/v1/patients/${id}`;
    // Who got data and who stands in is half of the texts in each region, and what is said of them is all.
    const recipients = packed(halfIn(region), REFERENCE_MAX_CHARS);
    const [addresses, reasons] = [packed(HOSTILE, ADDRESS_MAX_CHARS), packed(HOSTILE, REASON_MAX_CHARS)];
    const disclosures = addresses.map((address, at): Change => {
      const reason = reasons[at % reasons.length];
      const given = {
        recipient: recipients[at % recipients.length],
        address,
        description: reason,
        statement: reason,
        purpose: 'other',
        disclosed_on: new Date().toISOString().slice(0, 10),
      };
      return [`${about}/disclosures`, given];
    });
    const references = packed(HOSTILE, REFERENCE_MAX_CHARS);
    const proxies = packed(halfIn(region), PART_MAX_CHARS).map((name, at): Change => {
      const proxy = {
        name,
        email: `${unique('proxy')}@example.com`,
        kind: 'guardian',
        proof: { kind: 'other', reference: references[at % references.length] },
        scope: ['record'],
        until: new Date(Date.now() + TWO_DAYS_MS).toISOString().slice(0, 10),
      };
      return [`${about}/proxies`, proxy];
    });
    for (const answer of await sendAll(desk.page, clinic, [...disclosures, ...proxies])) answered(answer);
    const email = `${unique('hostile')}@example.com`;
    await open(desk.page, `${clinic.url}/clinic/patients/${id}`);
    await openAccess(desk.page, email);
    await signInByCode(own.page, clinic, email);
    await own.page.locator('.way-card').first().waitFor();
    for (const text of packed(HOSTILE, TEXT_MAX_CHARS)) {
      const asked = await send(own.page, clinic, `${about}/corrections`, { what: text, wish: text });
      const { id: request } = answered<{ id: string }>(asked);
      const answer = { verdict: 'denied', reason: text };
      answered(await send(officer.page, clinic, `${about}/corrections/${request}/answer`, answer), 200);
    }
    const look = async (page: Page, path: string) => {
      await open(page, `${clinic.url}${path}`);
      await page.locator('.panel').first().waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      if (/\/(access|uses)$/.test(path)) {
        // They come by pages.
        const given = page.getByRole('region', { name: /^To whom (your )?data were given$/ });
        const more = given.getByRole('button', { name: 'Show more' });
        await more.waitFor();
        const before = await given.getByRole('listitem').count();
        await more.click();
        await given.getByRole('listitem').nth(before).waitFor();
        expect(await given.getByRole('listitem').count()).toBe(disclosures.length);
      }
      // The form holds them as values.
      if (path.endsWith('/contact')) await expectInert(page, path);
      else await expectShownInert(page, path);
    };
    for (const below of ['', '/contact', '/access', '/corrections', '/proxies'])
      await look(own.page, `/my/records/${id}${below}`);
    for (const below of ['/uses', '/corrections', '/proxies'])
      await look(officer.page, `/clinic/patients/${id}${below}`);
    expect([...own.troubles, ...officer.troubles]).toEqual([]);
  });
});

testIn('ap-south-1')(
  'an idle session of the console is asked and cleared away, also where the page asks by itself',
  async () => {
    const { page, troubles } = await person(browser);
    await page.clock.install();
    await signInToConsole(page);
    // This screen asks every few seconds how far the directory is.
    await page.getByRole('link', { name: 'Directory' }).click();
    await page.getByText('All of it is served').waitFor();
    await expectIdleEnd(page, STAFF_IDLE_MIN, 'All of it is served');
    await page.goto(`${STACK.control.url}/console/directory`);
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    expect(troubles).toEqual([]);
  },
);

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
