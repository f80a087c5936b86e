// The clinic's sites in the order of their names.
import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { siteList } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';

export const SITES_KEY = ['sites'];

export function useSites() {
  const { language } = useText();
  return useQuery({
    queryKey: SITES_KEY,
    queryFn: async ({ signal }) => (await call(siteList, { signal })).data.items,
    select: (items) => [...items].sort((one, other) => one.name.localeCompare(other.name, language)),
  });
}
