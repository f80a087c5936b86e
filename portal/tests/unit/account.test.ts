// The pure rules of the own account and of sites: which applications were let in, and which sites may be chosen.
import { expect, test } from 'vitest';
import type { OwnSessionView, SiteView } from '../../src/api/clinic.gen.ts';
import { applicationsOf } from '../../src/clinic/account/let-in.ts';
import { choosable } from '../../src/clinic/sites/choosable.ts';

const AT = '2026-01-15T00:00:00Z';

const session = (id: string, application?: OwnSessionView['application']): OwnSessionView => ({
  id,
  current: false,
  created_at: AT,
  last_seen_at: AT,
  expires_at: AT,
  application,
});

test('an application that was let in twice is there once, with both of its sessions and all that either may do', () => {
  const pocket = (scope: string[]) => ({ id: 'cli_1', name: 'Pocket', scope });
  const other = { id: 'cli_2', name: 'Pocket', scope: [] };
  const found = applicationsOf([
    session('a'),
    session('b', pocket(['me.read'])),
    session('c', other),
    session('d', pocket(['patient.read', 'me.read'])),
  ]);
  expect(found.map(({ id, scope, sessions }) => [id, scope, sessions.map((one) => one.id)])).toEqual([
    ['cli_1', ['me.read', 'patient.read'], ['b', 'd']],
    ['cli_2', [], ['c']],
  ]);
  expect(applicationsOf([session('a'), session('b', null)]), 'browsers are none').toEqual([]);
});

test('a closed site is offered to those who are there already and to nobody else', () => {
  const sites: SiteView[] = [
    { id: 'open', name: 'Open' },
    { id: 'closed', name: 'Closed', closed_at: AT },
  ];
  const offered = (already?: string[]) => choosable(sites, already).map(({ id }) => id);
  expect([offered(), offered(['open']), offered(['closed'])]).toEqual([['open'], ['open'], ['open', 'closed']]);
});
