// What the console makes of the health of regions and shards, and of the versions of the directory that they have.
import { expect, test } from 'vitest';
import { again } from '../../src/platform/queries.ts';
import { HEALTHS, healthOf, standingOf, TONES } from '../../src/platform/regions/health.ts';

test('a word is a state of its own or nothing known, never health', () => {
  for (const health of HEALTHS) expect(healthOf(health)).toBe(health);
  expect([...HEALTHS].sort()).toEqual(Object.keys(TONES).sort());
  for (const word of ['', 'Healthy', 'splendid', 'constructor']) expect(healthOf(word)).toBe('unknown');
});

test('a version is current, behind or ahead only of who is still heard', () => {
  const held = (version: number | undefined, health: string) =>
    standingOf({ region: 'us-east-1', role: 'backend', processes: 1, health, version }, 7);
  expect(held(7, 'healthy')).toBe('current');
  expect(held(6, 'late')).toBe('behind');
  expect(held(8, 'healthy')).toBe('ahead');
  expect(held(7, 'silent')).toBe('last_known');
  expect(held(undefined, 'healthy')).toBe('no_version');
  expect(held(undefined, 'unknown')).toBe('no_version');
});

test('a page that stays open stops looking by itself', () => {
  const pace = again(1_000);
  expect(pace({ state: { dataUpdateCount: 0, errorUpdateCount: 0 } })).toBe(1_000);
  expect(pace({ state: { dataUpdateCount: 300, errorUpdateCount: 60 } })).toBe(false);
});
