// A patient as the desk lets one in: registered, given access, signed in with the code of the mail.
import type { Browser, Page } from 'playwright-core';
import { type Clinic, keepSession, type Person, person, signIn, takeSession } from '../kit.ts';
import { signInCode } from './mail.ts';
import { registered } from './patients.ts';
import { answered, send } from './send.ts';
import { unique } from './unique.ts';

export interface Patient {
  email: string;
  family: string;
  /** The record's id. */
  id: string;
}

/** On the record's page of the staff: lets the patient in, with this address. */
export async function openAccess(page: Page, email: string): Promise<void> {
  await page.getByRole('button', { name: 'Patient’s access' }).click();
  const sheet = page.getByRole('dialog', { name: 'The patient’s own access' });
  await sheet.getByLabel('The patient’s e-mail address').fill(email);
  await sheet.getByRole('button', { name: 'Open the access' }).click();
  await sheet.getByText(`The patient can sign in with ${email}.`).waitFor();
}

/** Registers somebody and lets them in, without the forms; the page is a colleague's who may do both, and shows the record then. */
export async function letIn(page: Page, clinic: Clinic): Promise<Patient> {
  const [email, family] = [`${unique('patient')}@example.com`, unique('Own')];
  const id = await registered(page, clinic, family);
  answered(await send(page, clinic, `/api/v1/patients/${id}/account`, { email }), 200);
  return { email, family, id };
}

/** Asks for a code and gives it, without typing it yet. */
export async function askForCode(page: Page, clinic: Clinic, email: string, at = `${clinic.url}/my`): Promise<string> {
  await page.goto(at);
  const since = Date.now();
  await page.locator('input[type=email]').fill(email);
  await page.locator('button[type=submit]').click();
  await page.locator('input[autocomplete=one-time-code]').waitFor();
  return signInCode(email, since);
}

/** Signs in at an address of the patients' pages, which is shown then. */
export async function signInByCode(page: Page, clinic: Clinic, email: string, at?: string): Promise<void> {
  const code = await askForCode(page, clinic, email, at);
  await page.locator('input[autocomplete=one-time-code]').fill(code);
  await page.locator('button[type=submit]').click();
  await page.locator('.bar').waitFor();
}

const known = new Map<string, Patient>();

/** Somebody who is signed in at the clinic as a patient; the same one for all who ask, in a browser of their own. */
export async function signedInPatient(browser: Browser, clinic: Clinic): Promise<Person & Patient> {
  const one = await person(browser);
  const before = known.get(clinic.slug);
  if (before) {
    if (!(await takeSession(one.page, clinic, 'patient', '/my'))) {
      await signInByCode(one.page, clinic, before.email);
      await keepSession(one.page, clinic, 'patient');
    }
    return { ...one, ...before };
  }
  const desk = await person(browser);
  await signIn(desk.page, clinic, 'physician');
  const patient = await letIn(desk.page, clinic);
  await desk.context.close();
  await signInByCode(one.page, clinic, patient.email);
  await keepSession(one.page, clinic, 'patient');
  known.set(clinic.slug, patient);
  return { ...one, ...patient };
}
