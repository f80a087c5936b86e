// What several screens of the console ask for.
import { keepPreviousData, type QueryClient, useQuery } from '@tanstack/react-query';
import { call } from '../api/call.ts';
import {
  type GrantWithLooks,
  regionList,
  type SupportGrantState,
  shardList,
  supportRead,
  type TenantView,
  tenantList,
  tenantRead,
  tenantSteps,
} from '../api/platform.gen.ts';

/** How often something that is under way is looked at again, in milliseconds. */
const LIVE_MS = 1_000;
/** How often the health of regions and shards is looked at where it is shown, in milliseconds. */
export const HEALTH_MS = 10_000;
/** Most looks that a page takes by itself without being loaded anew: an hour of health. */
const LOOKS_MAX = 360;
/** Most pages of clinics that are counted by region. */
const TENANT_PAGES_MAX = 50;

/** How soon something is to be looked at again while its page is open; never when it was looked at often enough. */
export function again(everyMs: number) {
  return ({ state }: { state: { dataUpdateCount: number; errorUpdateCount: number } }): number | false =>
    state.dataUpdateCount + state.errorUpdateCount < LOOKS_MAX ? everyMs : false;
}

/** The regions; with an interval where their health is shown. */
export function useRegions(everyMs?: number) {
  return useQuery({
    queryKey: ['regions'],
    queryFn: async ({ signal }) => (await call(regionList, { signal, repeats: true })).data.items,
    refetchInterval: everyMs === undefined ? false : again(everyMs),
  });
}

export function useShards() {
  return useQuery({
    queryKey: ['shards'],
    queryFn: async ({ signal }) => (await call(shardList, { signal, repeats: true })).data.items,
    refetchInterval: again(HEALTH_MS),
  });
}

export function useTenants() {
  return useQuery({
    queryKey: ['tenants'],
    queryFn: async ({ signal }) => {
      const all: TenantView[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < TENANT_PAGES_MAX; page += 1) {
        const { data } = await call(tenantList, { query: { limit: 100, cursor }, signal });
        all.push(...data.items);
        if (!data.next_cursor) break;
        cursor = data.next_cursor;
      }
      return all.sort((one, other) => one.slug.localeCompare(other.slug));
    },
  });
}

const CHANGING = ['applied', 'provisioning', 'offboarding'];
export const isChanging = (state: string | undefined) => state !== undefined && CHANGING.includes(state);

/** A tenant with its ETag; asked again while its region works on it. */
export function useTenant(id: string) {
  return useQuery({
    queryKey: ['tenant', id],
    queryFn: ({ signal }) => call(tenantRead, { path: { id }, signal, repeats: true }),
    refetchInterval: (query) => (isChanging(query.state.data?.data.state) ? LIVE_MS : false),
  });
}

/** The steps of a tenant's building; asked once more when it is over, because the last look was before. */
export function useSteps(id: string, live: boolean) {
  return useQuery({
    queryKey: ['steps', id, live],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await call(tenantSteps, { path: { id }, signal, repeats: true })).data.items,
    refetchInterval: live ? LIVE_MS : false,
  });
}

/** Asks again for everything about a tenant after a change. */
export function forget(queries: QueryClient, id: string): Promise<void> {
  void queries.invalidateQueries({ queryKey: ['steps', id] });
  return queries.invalidateQueries({ queryKey: ['tenant', id] });
}

export const isOver = (state: SupportGrantState) => state === 'refused' || state === 'ended';

/** How often a grant that lasts is looked at while nothing is under way: it ends by itself. */
const LASTING_MS = 10_000;

/** How soon a grant is to be asked for again; never once it is over and every look is. */
function pace(found: GrantWithLooks | undefined): number | false {
  if (!found || isOver(found.grant.state)) return false;
  const isWaiting = found.grant.state === 'asked' || found.looks.some((look) => look.state === 'open');
  return isWaiting ? LIVE_MS : LASTING_MS;
}

/** A support grant with its looks; asked again while somebody has to answer. */
export function useGrant(id: string) {
  return useQuery({
    queryKey: ['support', id],
    queryFn: async ({ signal }) => (await call(supportRead, { path: { id }, signal, repeats: true })).data,
    refetchInterval: (query) => pace(query.state.data),
  });
}
