// What a program or an application may be allowed, by the names of the actions that its tokens carry.
import type { ClientKind } from '../../api/clinic.gen.ts';
import type { Action } from '../../clinic/me.ts';

/** A program acts for itself, within what its role may do. */
const PROGRAM = ['patient.read', 'me.read', 'session_policy.read'] as const satisfies readonly Action[];

/** An application acts for whoever lets it in, and does no more than they may: what patients may, and a program may carry. */
const APPLICATION = [
  'me.read',
  'patient.list',
  'patient.read',
  'patient.contact',
  'care_team.read',
  'document.list',
  'document.read',
  'document.download',
  'audit.access_report',
  'disclosure.list',
  'correction.list',
  'correction.ask',
] as const satisfies readonly Action[];

/** A name in a scope. */
export type ScopeName = (typeof PROGRAM)[number] | (typeof APPLICATION)[number];

/** What is offered for each kind. */
export const SCOPES: Record<ClientKind, readonly ScopeName[]> = { machine: PROGRAM, mobile: APPLICATION };

/** What is offered to one that is registered already: what it has, whoever gave it that, stays where it can be seen. */
export function offeredTo({ kind, scopes }: { kind: ClientKind; scopes: string[] }): string[] {
  const offered: readonly string[] = SCOPES[kind];
  return [...offered, ...scopes.filter((name) => !offered.includes(name))];
}
