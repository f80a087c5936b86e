// Who used a record is told in every language: a new kind of use has no words until somebody writes them, and fails here.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AccessBy, type AccessLine, AccessOutcome, AccessPurpose, Role } from '../../src/api/clinic.gen.ts';
import { DEEDS } from '../../src/api/deeds.gen.ts';
import { MATRIX } from '../../src/api/matrix.gen.ts';
import { sentence } from '../../src/clinic/access/look.ts';
import { catalog as en } from '../../src/patient/text/en.ts';
import { catalog as es } from '../../src/patient/text/es.ts';
import { catalog as hi } from '../../src/patient/text/hi.ts';
import { told as toldOfLog } from '../../src/staff/audit/told.ts';
import { catalog as staffEn } from '../../src/staff/text/en.ts';
import { catalog as staffEs } from '../../src/staff/text/es.ts';
import { catalog as staffHi } from '../../src/staff/text/hi.ts';
import { fill } from '../../src/text/fill.ts';
import type { Key } from '../../src/text/text.tsx';

const CATALOGS = { en, hi, es } as const;

/** Frames that hold no word of their own. */
const WORDLESS = ['look.named', 'look.done'];

const LINE: AccessLine = {
  at: '2026-01-01T00:00:00Z',
  sentence: 'Asha Sample (physician) looked at the record for treatment.',
  by: 'staff',
  name: 'Asha Sample',
  role: 'physician',
  did: 'patient_read',
  purpose: 'treatment',
  outcome: 'done',
};

const words = (catalog: Partial<Record<Key, string>>) => ({
  t: (key: Key, values?: Record<string, string | number>) => fill(catalog[key] ?? key, values),
  has: (key: string): key is Key => Object.hasOwn(catalog, key),
});

describe.each(Object.entries(CATALOGS))('in %s', (language, catalog) => {
  const told = (line: Partial<AccessLine>) => sentence({ ...LINE, ...line }, words(catalog));

  test.each(DEEDS)('there are words for %s', (did) => {
    expect(catalog).toHaveProperty([`did.${did}`]);
    expect(told({ did })).toContain(catalog[`did.${did}`]);
  });

  test('there are words for whoever did it, for every reason and for every end', () => {
    for (const by of AccessBy.options)
      for (const purpose of [...AccessPurpose.options, null])
        for (const outcome of AccessOutcome.options)
          expect(told({ by, purpose, outcome, name: null, role: null })).not.toMatch(/look[._]|did\.|[{}]/);
    for (const role of Role.options) expect(told({ role })).not.toMatch(/look_|[{}]/);
  });

  test('what this page does not know yet is told without detail', () => {
    expect(told({ did: 'tomorrow_new' })).toContain(catalog['did.other']);
  });

  if (language !== 'en')
    test('nothing is left in English', () => {
      const same = Object.keys(en).filter((key) => /^(did|look)/.test(key) && !WORDLESS.includes(key));
      expect(same.filter((key) => catalog[key as keyof typeof en] === en[key as keyof typeof en])).toEqual([]);
    });
});

test('the sentence is the server’s own in English, and a sentence in the other languages', () => {
  expect(sentence(LINE, words(en))).toBe(LINE.sentence);
  expect(sentence(LINE, words(hi))).toBe('Asha Sample (चिकित्सक) ने इलाज के लिए रिकॉर्ड देखा।');
  expect(sentence(LINE, words(es))).toBe('Asha Sample (medicina) miró la historia para el tratamiento.');
  const refused: AccessLine = { ...LINE, by: 'proxy', name: null, role: null, purpose: null, outcome: 'refused' };
  expect(sentence(refused, words(en))).toBe(
    'Somebody who stands in for the patient tried to do this and was refused: looked at the record.',
  );
});

const STAFF = { en: staffEn, hi: staffHi, es: staffEs } as const;

/** What the platform writes into a clinic's log by itself, as the server's sources name it. */
function byItself(): string[] {
  const source = (path: string) => readFileSync(new URL(`../../../app/src/audit/${path}`, import.meta.url), 'utf8');
  const lists = [...source('words.rs').matchAll(/const (?:BY_ITSELF|ABOUT_NOBODY): \[&str; \d+\] =\s*\[([^\]]*)\]/g)];
  const listed = lists.flatMap(([, list = '']) => [...list.matchAll(/"([\w.]+)"/g)].map(([, name = '']) => name));
  const constants = [...source('mod.rs').matchAll(/pub const \w+: &str = "([\w.]+)"/g)].map(([, name = '']) => name);
  expect([lists.length, constants.length > 5]).toEqual([2, true]);
  return [...listed, ...constants];
}

describe.each(Object.entries(STAFF))('the log in %s', (language, catalog) => {
  const event = { action: 'patient.read', actor_kind: 'staff', purpose: 'TREATMENT', outcome: 'allow' };

  test.each([...new Set([...Object.keys(MATRIX), ...byItself()])])('has words for %s', (action) => {
    const did = `did.${action.replaceAll('.', '_')}`;
    expect(catalog).toHaveProperty([did]);
    expect(toldOfLog({ ...event, action }, words(catalog))).toContain(catalog[did as keyof typeof catalog]);
  });

  test('has words for whoever did it, for every reason and for every end', () => {
    for (const actor_kind of ['staff', 'patient', 'proxy', 'client', 'platform', 'system', 'anonymous'])
      for (const purpose of ['TREATMENT', 'PAYMENT', 'OPERATIONS', 'BREAKGLASS', 'SYSTEM'])
        for (const outcome of ['allow', 'deny', 'error'])
          expect(toldOfLog({ ...event, actor_kind, purpose, outcome }, words(catalog))).not.toMatch(
            /look[._]|did\.|[{}]/,
          );
  });

  if (language !== 'en')
    test('leaves nothing in English', () => {
      const same = Object.entries(catalog).filter(
        ([key, text]) => key.startsWith('did.') && text === staffEn[key as keyof typeof staffEn],
      );
      expect(same).toEqual([]);
    });
});

test('the log and the report say the same of the same use', () => {
  const refused = { action: 'staff.role', actor_kind: 'staff', purpose: 'OPERATIONS', outcome: 'deny' };
  expect(toldOfLog(refused, words(staffEn))).toBe(
    'A member of the clinic’s staff tried to do this and was refused: gave a colleague another role.',
  );
  expect(toldOfLog({ ...refused, outcome: 'allow' }, words(staffEs))).toBe(
    'Alguien del personal de la clínica cambió la función de un colega para el funcionamiento de la clínica.',
  );
  expect(toldOfLog({ ...refused, outcome: 'allow' }, words(staffHi))).toBe(
    'क्लिनिक के किसी कर्मचारी ने क्लिनिक चलाने के लिए किसी सहकर्मी की भूमिका बदली।',
  );
  // What is not known is told as the server tells it.
  expect(toldOfLog({ action: 'x.y', actor_kind: 'nobody', purpose: '', outcome: '' }, words(staffEn))).toBe(
    'Somebody who was not signed in tried to do this and it failed: used the clinic’s system.',
  );
});
