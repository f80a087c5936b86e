// The session as this page knows it: found at the start, watched for idleness, and cleared away whole at its end.
import type { QueryClient } from '@tanstack/react-query';
import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  use,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { CallError, call, keepCsrfToken, listen } from '../api/call.ts';
import type { Operation } from '../api/operation.ts';
import { IDLE_S } from '../place.ts';
import { idleTimes } from './idle.ts';
import { isAnybodyThere, watchForSigns } from './presence.ts';

// Only a session is warned of its end, so the door does not wait for the dialog.
const IdleWarning = lazy(() => import('./idle-warning.tsx'));

/** Which operations of an API make a session. */
export interface SessionApi<Me> {
  read: Operation<undefined, { csrf_token: string }>;
  end: Operation<undefined, undefined>;
  /** Who is signed in; asked once a session is there. */
  me: () => Promise<Me>;
  /** Seconds without a request after which this session ends, where the server says so; never more than the page was told. */
  idleS?: (me: Me) => number;
  /** The address of the page after the session, below which nothing of it is kept. */
  signedOut: string;
}

export type SessionState<Me> = { status: 'loading' | 'anonymous' | 'unreachable' } | { status: 'signed-in'; me: Me };

export interface Session<Me> {
  state: SessionState<Me>;
  /** Takes up a session that was just made. */
  begin: (csrfToken: string) => Promise<void>;
  /** Looks again for a session. */
  retry: () => void;
  /** Ends the session here and on the server. */
  signOut: () => Promise<void>;
}

const SessionContext = createContext<Session<unknown> | undefined>(undefined);

export function useSession<Me>(): Session<Me> {
  const session = use(SessionContext);
  if (!session) throw new Error('outside of SessionProvider');
  return session as Session<Me>;
}

/** Who is signed in; only below a screen that needs it. */
export function useMe<Me>(): Me {
  const { state } = useSession<Me>();
  if (state.status !== 'signed-in') throw new Error('nobody is signed in');
  return state.me;
}

/** Leaves nothing behind: no text on the page, nothing in memory, nothing in any cache, no way back to it. */
async function clearAway(queries: QueryClient, to: string): Promise<void> {
  document.getElementById('root')?.replaceChildren();
  document.title = 'Domicile';
  queries.clear();
  keepCsrfToken('');
  if ('caches' in window) {
    for (const name of await caches.keys().catch(() => [])) await caches.delete(name);
  }
  location.replace(to);
}

export function SessionProvider<Me>({
  api,
  queries,
  children,
}: {
  api: SessionApi<Me>;
  queries: QueryClient;
  children: ReactNode;
}) {
  const [state, setState] = useState<SessionState<Me>>({ status: 'loading' });
  const signedIn = useRef(false);

  const begin = useCallback(
    async (csrfToken: string) => {
      keepCsrfToken(csrfToken);
      const me = await api.me();
      signedIn.current = true;
      setState({ status: 'signed-in', me });
    },
    [api],
  );

  const find = useCallback(async () => {
    try {
      const { data } = await call(api.read);
      await begin(data.csrf_token);
    } catch (error) {
      const anonymous = error instanceof CallError && error.status === 401;
      setState({ status: anonymous ? 'anonymous' : 'unreachable' });
    }
  }, [api, begin]);

  const leave = useCallback(async () => {
    if (!signedIn.current) return;
    signedIn.current = false;
    await clearAway(queries, api.signedOut);
  }, [api, queries]);

  const signOut = useCallback(async () => {
    // Whatever the server says, nothing stays on this screen.
    await call(api.end).catch(() => undefined);
    await leave();
  }, [api, leave]);

  const [seenAt, setSeenAt] = useState(() => Date.now());
  useEffect(() => {
    listen(
      ({ repeats }) => {
        if (!repeats || isAnybodyThere()) setSeenAt(Date.now());
      },
      () => void leave(),
    );
    const endWatch = watchForSigns();
    void find();
    // A page that comes back from the browser's memory may show a session that has ended.
    const returned = (event: PageTransitionEvent) => {
      if (event.persisted) location.reload();
    };
    window.addEventListener('pageshow', returned);
    return () => {
      endWatch();
      window.removeEventListener('pageshow', returned);
    };
  }, [find, leave]);

  const session = useMemo<Session<Me>>(
    () => ({ state, begin, retry: () => void find(), signOut }),
    [state, begin, find, signOut],
  );
  const ownS = state.status === 'signed-in' ? api.idleS?.(state.me) : undefined;
  const { endS, warnS } = idleTimes(Math.min(IDLE_S, ownS ?? IDLE_S));
  return (
    <SessionContext value={session as Session<unknown>}>
      {children}
      {state.status === 'signed-in' && (
        <Suspense>
          <IdleWarning endsAt={seenAt + endS * 1000} warnS={warnS} stay={() => call(api.read)} leave={signOut} />
        </Suspense>
      )}
    </SessionContext>
  );
}
