// A patient's documents: what is there and in which state, and adding one.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type DocumentView, documentList } from '../../api/clinic.gen.ts';
import { useSize } from '../../clinic/documents/size.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { AddDocument } from './add-document.tsx';
import { Doings } from './doings.tsx';
import { kindsOf } from './kinds.ts';

/** While something is being checked the list is asked for again so often, and so often at most. */
const LOOK_MS = 2_000;
const LOOKS_MAX = 150;

export function Documents({ patient }: { patient: string }) {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const key = ['documents', patient];
  const [said, setSaid] = useState<Key>();
  const pages = useInfiniteQuery({
    queryKey: key,
    queryFn: async ({ pageParam, signal }) =>
      (await call(documentList, { path: { id: patient }, query: { cursor: pageParam }, signal, repeats: true })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    refetchInterval: ({ state }) => {
      const checking = state.data?.pages.some((page) => page.items.some(({ state: is }) => is === 'scanning'));
      return checking && state.dataUpdateCount < LOOKS_MAX ? LOOK_MS : false;
    },
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const look = async (words?: Key) => {
    await queries.invalidateQueries({ queryKey: key });
    setSaid(words);
  };
  const adds = may(me.role, 'document.create') && kindsOf(me.role).length > 0;
  return (
    <Page title={t('documents.title')} above={<Back to={clinic.patient(patient)} label={t('record.title')} />}>
      {adds && <AddDocument patient={patient} done={look} />}
      {said && <Notice kind="good" title={t(said)} />}
      {pages.isPending && <Loading lines={4} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && items.length === 0 && <Empty title={t('documents.none')} />}
      {items.length > 0 && <DocumentTable items={items} changed={look} />}
      <More pages={pages} />
    </Page>
  );
}

interface TableProps {
  items: DocumentView[];
  changed: (words?: Key) => Promise<void>;
}

function DocumentTable({ items, changed }: TableProps) {
  const { t, date, moment } = useText();
  const size = useSize();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('document.title')}</th>
          <th scope="col">{t('document.kind')}</th>
          <th scope="col">{t('document.state')}</th>
          <th scope="col">{t('document.size')}</th>
          <th scope="col">{t('document.added')}</th>
          <th scope="col">
            <span className="visually-hidden">{t('document.do')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((one) => (
          <tr key={one.id}>
            <th scope="row">
              <bdi>{one.title}</bdi>
              {one.notes && (
                <p className="notes">
                  <bdi className="typed">{one.notes}</bdi>
                </p>
              )}
            </th>
            <td data-label={t('document.kind')}>
              {t(`document_kind.${one.kind}`)}
              {one.dated_on && <p className="quiet-text">{t('document.dated', { date: date(one.dated_on) })}</p>}
            </td>
            <td data-label={t('document.state')}>
              <State one={one} />
            </td>
            <td data-label={t('document.size')}>{size(one.size_bytes)}</td>
            <td data-label={t('document.added')}>{moment(one.created_at)}</td>
            <td>
              <Doings one={one} changed={changed} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function State({ one }: { one: DocumentView }) {
  const { t, has } = useText();
  const why = `refusal.${one.refusal}`;
  return (
    <>
      <span className={`tag ${one.state}`}>{t(`document_state.${one.state}`)}</span>
      {one.refusal && <p className="quiet-text">{t(has(why) ? why : 'refusal.other')}</p>}
    </>
  );
}
