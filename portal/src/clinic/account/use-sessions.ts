// Where the own account is signed in: in browsers, and by the applications that were let in.
import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { sessionList } from '../../api/clinic.gen.ts';

export const SESSIONS_KEY = ['sessions'];

export function useSessions() {
  return useQuery({
    queryKey: SESSIONS_KEY,
    queryFn: async ({ signal }) => (await call(sessionList, { signal })).data.items,
  });
}
