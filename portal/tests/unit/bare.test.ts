// The search for words outside of the catalog finds them, and takes neither dates nor data for such.
import { expect, test } from 'vitest';
import { dataPattern, isBare, isData } from '../e2e/bare.ts';

const DATA = dataPattern(['Ravi', 'Ravi Sample', 'demo-clinic', 'plain <script>window.__hit=1</script>']);

test.each([
  'Name',
  'Stamp duty',
  'Step 2',
  '3 documents',
  'Since Nov 27, 2026',
  'May we?',
  '⟦Åñý ~~⟧ word',
  'Ravin',
  'active',
  'Hi',
])('%s is found', (text) => {
  expect(isBare(text, DATA)).toBe(true);
});

test.each([
  '⟦Šîñçé Nov 27, 2026~~~⟧',
  '⟦⟦Ŕåvî~~⟧ šåw ît~~~⟧ · ⟦Öñé~⟧',
  'Nov 27, 2026, 1:05 PM',
  'Sep 15, 1990',
  '15 Sept 1990, 1:05 pm',
  '⟦Måñågé~~⟧: Ravi Sample',
  'plain <script>window.__hit=1</script>',
  'demo-clinic · ⟦Îñdîå~~⟧',
  '– 12 %',
])('%s is not', (text) => {
  expect(isBare(text, DATA)).toBe(false);
});

test('a code is no data, because there are words for it', () => {
  expect(['active', 'clinic_admin', 'patient.read'].filter(isData)).toEqual([]);
  expect(['Main', 'demo-us', 'a@b.example', 'Ed25519'].filter(isData)).toHaveLength(4);
});
