// What proves whose the own account is, and looking again after it changed.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { type FactorsView, factorList } from '../../api/clinic.gen.ts';

const KEY = ['factors'];

export function useFactors() {
  const queries = useQueryClient();
  const factors = useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await call(factorList, { signal })).data,
  });
  return { factors, look: () => void queries.invalidateQueries({ queryKey: KEY }) };
}

/** Whether there is anything stronger than a password or a code by mail. */
export const hasFactor = (factors: FactorsView) => Boolean(factors.totp_since) || factors.passkeys.length > 0;
