// Every word in the reader's language: none outside of the catalogs, and Hindi and Spanish with the dates of the region.
import type { Browser, BrowserContext } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import {
  clinicOf,
  expectNoSidewaysScroll,
  inEachRegion,
  launch,
  open,
  type Person,
  person,
  STACK,
  signIn,
  signInToConsole,
  testIn,
} from '../kit.ts';
import { signedInPatient } from './own-record.ts';
import { translatedLook } from './translated.ts';
import { walkConsole, walkDoors, walkOffice, walkOwn, walkOwnDoor, walkRecords, walkRegional } from './walks.ts';

/** The cookie that holds the language and nothing else. */
const LANGUAGE = '__Host-domicile-language';
/** Every word of the catalogs in brackets. */
const PSEUDO = 'en-XA';
/** What patients and staff read first, and when the first patient of each demo clinic was born. */
const LANGUAGES = [
  {
    language: 'hi',
    greeting: 'नमस्ते',
    patients: 'मरीज़',
    born: { 'us-east-1': /^29 \p{Script=Devanagari}[^\d]* 1984$/u, 'ap-south-1': /^15 अग॰ 1990$/ },
  },
  {
    language: 'es',
    greeting: 'Hola',
    patients: 'Pacientes',
    born: { 'us-east-1': /^29 feb 1984$/, 'ap-south-1': /^15 ago 1990$/ },
  },
];

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});

/** What is loaded from now on speaks this language. */
async function speak(context: BrowserContext, language: string): Promise<void> {
  const urls = [...STACK.tenants.map((tenant) => tenant.url), STACK.control.url];
  await context.addCookies(
    urls.map((url) => ({ name: LANGUAGE, value: language, url, secure: true, sameSite: 'Strict' })),
  );
}

async function speaking(language: string): Promise<Person> {
  const one = await person(browser);
  await speak(one.context, language);
  return one;
}

inEachRegion('in', (region) => {
  const clinic = clinicOf(region);

  test('a patient is spoken to in Hindi and in Spanish', async () => {
    const { page, context } = await signedInPatient(browser, clinic);
    for (const { language, greeting } of LANGUAGES) {
      await speak(context, language);
      await page.reload();
      await page.getByRole('heading', { level: 1, name: new RegExp(`^${greeting}`) }).waitFor();
      expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
      await expectNoSidewaysScroll(page, language);
    }
  });

  test('staff read Hindi and Spanish, with dates as they are written in them', async () => {
    const { page, context } = await person(browser);
    await signIn(page, clinic, 'receptionist');
    for (const { language, patients, born } of LANGUAGES) {
      await speak(context, language);
      await page.goto(`${clinic.url}/clinic/patients`);
      await page.getByRole('heading', { level: 1, name: patients }).waitFor();
      expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
      await page.getByRole('combobox').selectOption({ index: 1 });
      await page.locator('input[type=search]').fill('DEMO-0001');
      await page.getByText(born[region]).waitFor();
      await expectNoSidewaysScroll(page, language);
    }
  });

  // Fields, identifiers and words of law are the region's.
  test('no word of any screen about patients is outside of the catalog', async () => {
    const { page } = await speaking(PSEUDO);
    const look = translatedLook(page);
    await signIn(page, clinic, 'physician');
    await walkRegional(page, clinic, look);
    if (region === 'us-east-1') return;
    await walkRecords(page, clinic, look);
    await signIn(page, clinic, 'clinic_admin');
    await walkOffice(page, clinic, look);
  });
});

testIn('ap-south-1')('no word of the doors of the staff is outside of the catalog', async () => {
  const { page } = await speaking(PSEUDO);
  await walkDoors(page, clinicOf('ap-south-1'), translatedLook(page));
});

testIn('us-east-1')('no word of any screen of a patient is outside of the catalog', async () => {
  const clinic = clinicOf('us-east-1');
  const { page, context } = await signedInPatient(browser, clinic);
  await speak(context, PSEUDO);
  await walkOwn(page, clinic, translatedLook(page));
  const visitor = await speaking(PSEUDO);
  await walkOwnDoor(visitor.page, clinic, translatedLook(visitor.page));
});

testIn('ap-south-1')('no word of any screen of the console is outside of the catalog', async () => {
  const { page, context } = await person(browser);
  await signInToConsole(page);
  await speak(context, PSEUDO);
  const look = translatedLook(page);
  await walkConsole(page, look);
  await open(page, `${STACK.control.url}/console/signed-out`);
  await look(page, 'console: signed out');
});
