// Patients that nobody is: registering one and finding one as people do.
import type { Page } from 'playwright-core';
import { type Clinic, open } from '../kit.ts';
import { answered, send } from './send.ts';

/** A number of the range that is reserved for fiction; with a country code it is the same in both regions. */
export function phone(): string {
  const [area = 0, last = 0] = crypto.getRandomValues(new Uint16Array(2));
  return `+1 ${201 + (area % 700)} 555 01${String(last % 100).padStart(2, '0')}`;
}

export async function register(
  page: Page,
  family: string,
  { number = phone(), mrn = '', born = '1990-05-17' } = {},
): Promise<void> {
  await page.getByRole('link', { name: 'Register a patient' }).click();
  await page.getByLabel('Given names').fill('Sample');
  await page.getByLabel('Family name').fill(family);
  await page.getByLabel('Date of birth').fill(born);
  await page.getByLabel('Administrative sex').selectOption('female');
  await page.getByLabel('Phone', { exact: true }).fill(number);
  if (mrn) await page.getByLabel('Record number').fill(mrn);
  await page.getByRole('button', { name: 'Register', exact: true }).click();
}

/** Registers somebody without the form, for tests that begin with a record, and comes to it; its id. */
export async function registered(
  page: Page,
  clinic: Clinic,
  family: string,
  { mrn = '', born = '1990-05-17' } = {},
): Promise<string> {
  const { id } = answered<{ id: string }>(
    await send(page, clinic, '/api/v1/patients', {
      names: [{ use: 'official', given: ['Sample'], family }],
      birth_date: born,
      sex: 'female',
      phones: [{ value: phone().replaceAll(' ', '') }],
      ...(mrn && { mrn }),
    }),
  );
  await open(page, `${clinic.url}/clinic/patients/${id}`);
  await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
  return id;
}

export async function openBySearch(page: Page, clinic: Clinic, family: string): Promise<void> {
  await open(page, `${clinic.url}/clinic/patients`);
  await page.getByLabel('Search for').fill(family.slice(0, 10));
  await page.getByRole('link', { name: `Sample ${family}` }).click();
  await page.getByRole('heading', { level: 1, name: `Sample ${family}` }).waitFor();
}
