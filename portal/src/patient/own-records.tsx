// The records that this account reaches, which of them is looked at (the one in the address, else the last one chosen), and
// what of it was given to whoever stands in.
import { useQuery } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';
import { useLocation, useRoute } from 'wouter';
import { call } from '../api/call.ts';
import { type BriefView, type ProxyScope, patientList } from '../api/clinic.gen.ts';
import { my, patterns } from '../paths.ts';
import { type Key, useText } from '../text/text.tsx';
import { Back } from '../ui/back.tsx';
import { Failure, Loading } from '../ui/feedback.tsx';
import { Select } from '../ui/field.tsx';

/** More than anybody looks after; the server's page holds no more either. */
const RECORDS_MAX = 100;

interface OwnRecords {
  all: BriefView[];
  /** Nothing when the account reaches no record any more. */
  chosen: BriefView | undefined;
  /** Whether the address names a record that is not there. */
  strange: boolean;
  choose: (id: string) => void;
}

const Context = createContext<OwnRecords>({ all: [], chosen: undefined, strange: false, choose: () => {} });

export const useOwnRecords = () => use(Context);

/** Whether it is the record of somebody for whom one stands in. */
export const isAnothers = (one: BriefView | undefined) => one?.standing?.tie === 'proxy';

/** Whether all of this was given. The server decides; this leaves out what it would refuse. */
export const isGiven = (one: BriefView, ...scopes: ProxyScope[]) =>
  scopes.every((scope) => one.standing?.scope.includes(scope));

/** Words that say it otherwise of somebody else's record. */
type Told = { [K in Key]: `${K}_of` extends Key ? K : never }[Key];

/** The words for the own record, or for that of somebody for whom one stands in. */
export function useTold() {
  const { t } = useText();
  const { chosen } = useOwnRecords();
  return (key: Told, values?: Record<string, string | number>) =>
    t(isAnothers(chosen) ? (`${key}_of` as Key) : key, values);
}

const ownFirst = (one: BriefView, other: BriefView) => Number(isAnothers(one)) - Number(isAnothers(other));

export function OwnRecordsProvider({ children }: { children: ReactNode }) {
  const records = useQuery({
    queryKey: ['own-records'],
    queryFn: async ({ signal }) =>
      (await call(patientList, { query: { limit: RECORDS_MAX }, signal })).data.items.sort(ownFirst),
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
    const strange = addressed !== undefined && of(addressed) === undefined;
    return { all, chosen: of(addressed) ?? of(picked) ?? all[0], strange, choose };
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

/** The way from a part of a record to the whole, or home where the record itself was not given. */
export function BackToRecord({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  const { chosen } = useOwnRecords();
  const whole = !chosen || isGiven(chosen, 'record');
  return <Back to={whole ? my.record(id) : my.home} label={whole ? told('ways.record') : t('home.title')} />;
}

/** Whose record it is: a choice where there are several, and until when one stands in. */
export function FamilySwitch() {
  const { t, moment } = useText();
  const { all, chosen, strange, choose } = useOwnRecords();
  if (!chosen || strange) return null;
  const until = isAnothers(chosen) ? chosen.standing?.until : undefined;
  return (
    <section className="family" aria-label={t('family.whose')}>
      {all.length > 1 ? (
        <Select label={t('family.whose')} value={chosen.id} onChange={(event) => choose(event.target.value)}>
          {all.map((one) => (
            <option key={one.id} value={one.id}>
              {isAnothers(one) ? nameOf(one) : t('family.own', { name: nameOf(one) })}
            </option>
          ))}
        </Select>
      ) : (
        <p>
          <span className="quiet-text">{t('family.whose')}:</span> <bdi>{nameOf(chosen)}</bdi>
        </p>
      )}
      {until && <p className="hint">{t('family.until', { when: moment(until) })}</p>}
    </section>
  );
}

export const nameOf = (one: BriefView) => one.name ?? '–';
