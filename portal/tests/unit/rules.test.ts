// The portal's own pure rules: words, formats, forms, searches.
import { describe, expect, test } from 'vitest';
import { CallError, isRefused, isStale } from '../../src/api/call.ts';
import type { PatientView } from '../../src/api/clinic.gen.ts';
import { displayName, fullName } from '../../src/clinic/person/names.ts';
import { EMPTY_PERSON, toContact, toForm, toInput } from '../../src/clinic/person/person-form.ts';
import { idleTimes } from '../../src/shell/idle.ts';
import { wayTo } from '../../src/shell/ways.ts';
import { differences } from '../../src/staff/patients/differences.ts';
import { searchInput } from '../../src/staff/patients/search-input.ts';
import { accent } from '../../src/text/pseudo.ts';
import { totp } from '../totp.ts';

const PATIENT: PatientView = {
  id: 'pat_a',
  version: 3,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-02T00:00:00Z',
  names: [{ use: 'official', given: ['Mary Ann', 'Zoë'], family: 'Núñez' }],
  birth_date: '1984-02-29',
  sex: 'female',
  phones: [{ value: '+12025550101', use: 'mobile' }],
  emails: [{ value: 'a@example.com' }],
  addresses: [{ use: 'home', lines: ['1 Sample Street', 'Flat 2'], city: 'Exampleton' }],
  mrn: 'X-1',
  identifiers: [{ kind: 'ssn_last4', value: '••••34' }],
};

describe('a record and its form', () => {
  test('what nobody touched goes back as it came, a given name of two words too', () => {
    const { id, version, created_at, updated_at, ...input } = PATIENT;
    expect([id, version, created_at, updated_at]).toHaveLength(4);
    expect(toInput(toForm(PATIENT), PATIENT)).toEqual(input);
  });

  test('empty rows are not sent, and an absent number is absent', () => {
    const input = toInput({ ...EMPTY_PERSON, names: [{ use: 'official', prefix: '', given: ' A  B ', family: '' }] });
    expect(input.phones).toEqual([]);
    expect('mrn' in input).toBe(false);
    expect(input.names).toEqual([{ use: 'official', given: ['A', 'B'] }]);
  });

  test('how somebody is reached goes back alone and as it came', () => {
    const { phones, emails, addresses } = PATIENT;
    expect(toContact(toForm(PATIENT))).toEqual({ phones, emails, addresses });
    const none = { ...toForm(PATIENT), phones: [{ value: ' ', use: '' as const }], emails: [], addresses: [] };
    expect(toContact(none)).toEqual({ phones: [], emails: [], addresses: [] });
  });

  test('the usual name is the one to show', () => {
    expect(displayName(PATIENT.names ?? [])).toBe('Mary Ann Zoë Núñez');
    expect(displayName([...(PATIENT.names ?? []), { use: 'usual', given: ['Zoë'] }])).toBe('Zoë');
    expect(displayName([])).toBe('');
  });

  test('an honorific goes before the name, and the order of its parts is nobody’s to turn round', () => {
    expect(fullName({ prefix: 'Smt.', given: ['Asha', 'Rani'], family: 'Sample' })).toBe('Smt. Asha Rani Sample');
    expect(fullName({ prefix: 'डॉ.', given: ['आशा'], family: 'शर्मा' })).toBe('डॉ. आशा शर्मा');
    expect(fullName({ given: ['Madonna'] })).toBe('Madonna');
  });

  test('differences name the fields that differ and no others', () => {
    const mine = toForm(PATIENT);
    expect(differences(mine, mine)).toEqual([]);
    expect(differences({ ...mine, mrn: 'Y' }, mine)).toEqual([{ field: 'mrn', mine: 'Y', theirs: 'X-1' }]);
  });
});

test('a search is asked for two characters and more, and narrowed only where the server takes it', () => {
  expect(searchInput('name_starts_with', ' a ', '')).toBeUndefined();
  expect(searchInput('name_starts_with', 'आशा', '1990-01-01')).toEqual({
    name_starts_with: 'आशा',
    birth_date: '1990-01-01',
  });
  expect(searchInput('mrn', 'X-1', '1990-01-01')).toEqual({ mrn: 'X-1' });
  expect(searchInput('abha_number', '12', '')).toEqual({ identifier: { kind: 'abha_number', value: '12' } });
});

test('the pseudo-locale keeps the places for values', () => {
  expect(accent('Found: {count}')).toMatch(/^⟦Föûñd: \{count\}~+⟧$/);
});

test('codes are those of RFC 6238, appendix B', () => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  expect(totp(secret, Math.floor(59 / 30))).toBe('287082');
  expect(totp(secret, Math.floor(1_111_111_109 / 30))).toBe('081804');
});

test('a page asks before a session ends and ends before the server, however short a clinic makes its sessions', () => {
  expect(idleTimes(900)).toEqual({ endS: 840, warnS: 60 });
  expect(idleTimes(300)).toEqual({ endS: 240, warnS: 60 });
  expect(idleTimes(60)).toEqual({ endS: 30, warnS: 15 });
  for (let idleS = 60; idleS <= 900; idleS += 1) {
    const { endS, warnS } = idleTimes(idleS);
    // The server notes a use every thirty seconds (app/src/auth/session.rs), so it may count from that much earlier.
    expect(endS).toBeLessThanOrEqual(idleS - 30);
    expect(warnS).toBeGreaterThanOrEqual(15);
    expect(warnS).toBeLessThan(endS);
  }
});

test('an address belongs to the nearest way above it', () => {
  const ways = ['/', '/records/a', '/records/a/access'].map((to) => ({ to, label: to }));
  const at = (address: string) => wayTo(address, ways)?.to;
  expect(at('/')).toBe('/');
  expect(at('/records/a/contact')).toBe('/records/a');
  expect(at('/records/a/access')).toBe('/records/a/access');
  expect(at('/records/ab')).toBeUndefined();
});

test('what the server refused is another attempt; what may have been done is the same one again', () => {
  expect([400, 409, 422, 429].map((status) => isRefused(new CallError(status, 'x')))).toEqual([true, true, true, true]);
  expect([0, 500, 503].map((status) => isRefused(new CallError(status, 'x')))).toEqual([false, false, false]);
  expect(isRefused(undefined)).toBe(false);
  expect([412, 409, 0].map((status) => isStale(new CallError(status, 'x')))).toEqual([true, false, false]);
});
