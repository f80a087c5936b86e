// Patients: search as they type, and the list of everyone for those who may page through it.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { CallError, call } from '../../api/call.ts';
import { patientList, patientSearch, type SearchInput } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { JURISDICTION } from '../../place.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { PatientTable } from './patient-table.tsx';
import { CRITERIA, type Criterion, searchInput } from './search-input.ts';

/** Time without a key pressed after which the search starts, in milliseconds. */
const TYPING_PAUSE_MS = 250;
const PAGE_ITEMS = 25;

export function Patients() {
  const { t } = useText();
  const me = useMe<Me>();
  const [criterion, setCriterion] = useState<Criterion>('name_starts_with');
  const [typed, setTyped] = useState('');
  const [birthDate, setBirthDate] = useState('');
  const input = searchInput(criterion, useSettled(typed), birthDate);
  const everyone = may(me.role, 'patient.list') ? <Everyone /> : <Empty title={t('search.hint')} />;
  return (
    <Page
      title={t('patients.title')}
      actions={
        may(me.role, 'patient.create') && (
          <Link className="button primary" href={clinic.register}>
            {t('patients.register')}
          </Link>
        )
      }
    >
      <search className="panel search">
        <Select
          label={t('search.by')}
          value={criterion}
          onChange={(event) => {
            setCriterion(event.target.value as Criterion);
            setTyped('');
          }}
        >
          {CRITERIA[JURISDICTION].map((one) => (
            <option key={one} value={one}>
              {t(`search.${one}` as Key)}
            </option>
          ))}
        </Select>
        <Field
          type="search"
          label={t('search.for')}
          value={typed}
          maxLength={100}
          onChange={(event) => setTyped(event.target.value)}
        />
        <Field
          type="date"
          label={t('person.birth_date')}
          optional={criterion === 'ssn_last4' ? undefined : t('optional')}
          value={birthDate}
          onChange={(event) => setBirthDate(event.target.value)}
        />
      </search>
      {input ? <Found input={input} /> : everyone}
    </Page>
  );
}

/** The value once nobody has changed it for a moment. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Found({ input }: { input: SearchInput }) {
  const { t, number } = useText();
  const found = useQuery({
    queryKey: ['patients', 'search', input],
    queryFn: async ({ signal }) => (await call(patientSearch, { body: input, signal })).data,
    placeholderData: (before) => before,
  });
  if (found.isPending) return <Loading />;
  if (found.isError) {
    const code = found.error instanceof CallError ? found.error.code : '';
    if (code === 'birth_date_needed') return <Empty title={t('error.birth_date_needed')} />;
    if (code === 'invalid_request') return <Empty title={t('search.invalid')} />;
    return <Failure error={found.error} retry={() => void found.refetch()} />;
  }
  const { items, more } = found.data;
  return (
    <section
      aria-label={t('search.results')}
      className={found.isPlaceholderData ? 'outdated' : undefined}
      aria-busy={found.isFetching}
    >
      <p className="count" role="status">
        {found.isPlaceholderData
          ? t('loading')
          : t(more ? 'search.count_more' : 'search.count', { count: number(items.length) })}
      </p>
      {items.length > 0 ? <PatientTable patients={items} /> : <Empty title={t('search.none')} />}
    </section>
  );
}

function Everyone() {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['patients', 'list'],
    queryFn: async ({ pageParam, signal }) =>
      (await call(patientList, { query: { limit: PAGE_ITEMS, cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  if (pages.isPending) return <Loading lines={6} />;
  if (pages.isLoadingError) return <Failure error={pages.error} retry={() => void pages.refetch()} />;
  const items = pages.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return <Empty title={t('patients.none')} />;
  return (
    <>
      <PatientTable patients={items} />
      <More pages={pages} />
    </>
  );
}
