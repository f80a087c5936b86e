// Who is signed in at a clinic: the account, what its session has proven, and what its role may ask for.
import { call } from '../api/call.ts';
import { type MeView, meRead, type Role, type SessionView, sessionEnd, sessionRead } from '../api/clinic.gen.ts';
import { MATRIX } from '../api/matrix.gen.ts';
import type { SessionApi } from '../shell/session.tsx';

export type Action = keyof typeof MATRIX;
export type Me = MeView & Pick<SessionView, 'second_factor'>;

/** The session of an application whose page after it is at `signedOut`. */
export function sessionApi(signedOut: string): SessionApi<Me> {
  return {
    read: sessionRead,
    end: sessionEnd,
    me: async () => {
      const [session, me] = await Promise.all([call(sessionRead), call(meRead)]);
      return { ...me.data, second_factor: session.data.second_factor };
    },
    // A clinic may shorten its sessions, and a patient's is short anyway.
    idleS: (me) => me.idle_s,
    signedOut,
  };
}

/** Whether the server would allow it, to leave out what it would refuse. The server decides all the same. */
export function may(role: string, action: Action): boolean {
  return (MATRIX[action] as string).split(' ').includes(role);
}

/** Whether an account is somebody's own, for the own record or another's, and none to work with. */
export const looksAfterThemselves = (role: Role) => role === 'patient' || role === 'proxy';
