// One record with the validator that a change of it must name.
import { useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { patientRead } from '../../api/clinic.gen.ts';

/** How identifiers are shown; every reading in full is in the audit log as such. */
export type Shown = 'masked' | 'full';

export function usePatient(id: string, shown: Shown = 'masked') {
  return useQuery({
    queryKey: ['patient', id, shown],
    queryFn: ({ signal }) =>
      call(patientRead, { path: { id }, query: { identifiers: shown === 'full' ? shown : undefined }, signal }),
  });
}
