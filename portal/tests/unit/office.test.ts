// The pure rules of the administrator's and the privacy officer's screens: keys that are pasted, times, scopes.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Role } from '../../src/api/clinic.gen.ts';
import { may } from '../../src/clinic/me.ts';
import { kindsOf } from '../../src/staff/documents/kinds.ts';
import { fromMebibytes, toMebibytes } from '../../src/staff/documents/mebibytes.ts';
import { readKeys } from '../../src/staff/programs/jwks.ts';
import { offeredTo, SCOPES } from '../../src/staff/programs/scopes.ts';
import { fromMinutes, toMinutes } from '../../src/staff/sessions/minutes.ts';

/** RFC 8037, appendix A. */
const KEY = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };

describe('pasted keys', () => {
  test('one key or a set of them, without what browsers add', () => {
    expect(readKeys(JSON.stringify(KEY))).toEqual({ keys: [KEY] });
    const exported = { ...KEY, kid: 'next', key_ops: ['verify'], ext: true };
    expect(readKeys(` ${JSON.stringify({ keys: [KEY, exported] })}\n`)).toEqual({
      keys: [KEY, { ...KEY, kid: 'next' }],
    });
  });

  test.each(['d', 'p', 'k'])('a key with the private member %s goes nowhere', (member) => {
    const pasted = { keys: [KEY, { ...KEY, [member]: 'secret' }] };
    expect(readKeys(JSON.stringify(pasted))).toEqual({ fault: 'private_key' });
  });

  test.each(['', '{', 'null', '7', '[]', '{}', '{"keys":[]}', '{"keys":7}', '{"keys":[null]}', '{"kty":"OKP"}'])(
    '%s is no key',
    (typed) => expect(readKeys(typed)).toEqual({ fault: 'no_json_web_key' }),
  );
});

test('minutes are typed and seconds are sent, there and back', () => {
  for (const seconds of [60, 90, 100, 899, 43_199]) expect(fromMinutes(toMinutes(seconds))).toBe(seconds);
  expect([fromMinutes(' 1,5 '), fromMinutes('none'), fromMinutes('')]).toEqual([90, 0, 0]);
});

test('no kind is offered what its role may not do', () => {
  expect(SCOPES.machine.filter((action) => !may('machine_client', action))).toEqual([]);
  expect(SCOPES.mobile.filter((action) => !may('patient', action))).toEqual([]);
});

test('what a program has is not lost by changing it, also if it is offered to none', () => {
  const offered = offeredTo({ kind: 'machine', scopes: ['patient.read', 'worklist.read'] });
  expect(offered).toEqual([...SCOPES.machine, 'worklist.read']);
});

test('sizes are typed in mebibytes and sent in bytes, nothing as nothing, and what is no number as a size that is refused', () => {
  for (const bytes of [2 ** 24, 5 * 2 ** 30]) expect(fromMebibytes(String(toMebibytes(bytes)))).toBe(bytes);
  expect([fromMebibytes(' '), fromMebibytes('16,5'), fromMebibytes('much'), fromMebibytes('-1')]).toEqual([
    null,
    17_301_504,
    0,
    0,
  ]);
});

test('each role is offered the kinds of documents that the server says it adds', () => {
  const list = readFileSync(new URL('../../../app/tests/ratchets/document-kinds.txt', import.meta.url), 'utf8');
  const lines = list.split('\n').filter((line) => line && !line.startsWith('#'));
  const offered = Role.options.map((role) => [role, ...kindsOf(role)].join(' '));
  expect(offered).toEqual(lines);
});
