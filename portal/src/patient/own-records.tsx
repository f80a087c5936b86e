// The records that this account reaches, and which of them is looked at: the one in the address, else the last one chosen.
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';
import { useLocation, useRoute } from 'wouter';
import { call } from '../api/call.ts';
import { type BriefView, patientList } from '../api/clinic.gen.ts';
import { my, patterns } from '../paths.ts';
import { useText } from '../text/text.tsx';
import { Failure, Loading } from '../ui/feedback.tsx';
import { Select } from '../ui/field.tsx';

/** More than anybody looks after; the server's page holds no more either. */
const RECORDS_MAX = 100;

interface OwnRecords {
  all: BriefView[];
  /** Nothing when the account reaches no record any more. */
  chosen: BriefView | undefined;
  choose: (id: string) => void;
}

const Context = createContext<OwnRecords>({ all: [], chosen: undefined, choose: () => {} });

export const useOwnRecords = () => use(Context);

export function OwnRecordsProvider({ children }: { children: ReactNode }) {
  const records = useQuery({
    queryKey: ['own-records'],
    queryFn: async ({ signal }) => (await call(patientList, { query: { limit: RECORDS_MAX }, signal })).data.items,
  });
  const [inAddress, at] = useRoute(patterns.myRecords);
  const [, go] = useLocation();
  const [picked, setPicked] = useState<string>();
  const addressed = inAddress ? at.id : undefined;
  const below = inAddress ? at['*'] : undefined;
  // Who goes home from a record of the family stays with the same person.
  useEffect(() => {
    if (addressed) setPicked(addressed);
  }, [addressed]);
  const value = useMemo<OwnRecords>(() => {
    const all = records.data ?? [];
    const of = (id: string | undefined) => all.find((one) => one.id === id);
    const choose = (id: string) => {
      setPicked(id);
      if (addressed) go(below ? `${my.record(id)}/${below}` : my.record(id));
    };
    return { all, chosen: of(addressed) ?? of(picked) ?? all[0], choose };
  }, [records.data, addressed, below, picked, go]);
  if (records.isPending || records.isError) {
    return (
      <div className="boot">
        {records.isPending ? (
          <Loading lines={1} />
        ) : (
          <Failure error={records.error} retry={() => void records.refetch()} />
        )}
      </div>
    );
  }
  return <Context value={value}>{children}</Context>;
}

/** Whose record it is, where there is more than one to choose from. */
export function FamilySwitch() {
  const { t } = useText();
  const { all, chosen, choose } = useOwnRecords();
  if (all.length < 2 || !chosen) return null;
  return (
    <div className="family">
      <Select label={t('family.whose')} value={chosen.id} onChange={(event) => choose(event.target.value)}>
        {all.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name ?? '–'}
          </option>
        ))}
      </Select>
    </div>
  );
}
