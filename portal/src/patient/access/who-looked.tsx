// Who may see the own record, who has seen it, and to whom it was given: in plain words.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/call.ts';
import {
  type AccessLine,
  auditAccessReport,
  careTeamRead,
  type DisclosureView,
  disclosureList,
  type MemberView,
} from '../../api/clinic.gen.ts';
import { JURISDICTION } from '../../place.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { BackToRecord, useTold } from '../own-records.tsx';
import { sentence } from './look.ts';

/** Lines at a time: what one reads, and a few more. */
const LINES = 25;

export function WhoLooked({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  return (
    <Page
      title={t('ways.access')}
      above={<BackToRecord id={id} />}
      actions={<Button onClick={() => window.print()}>{t('record.print')}</Button>}
    >
      <p className="lead">{told('access.lead')}</p>
      <Team id={id} />
      <Looks id={id} />
      <Given id={id} />
      <p className="hint">{t(`access.law_${JURISDICTION}`)}</p>
    </Page>
  );
}

function Panel({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      <p>{text}</p>
      {children}
    </section>
  );
}

function Team({ id }: { id: string }) {
  const told = useTold();
  const team = useQuery({
    queryKey: ['care-team', id],
    queryFn: async ({ signal }) => (await call(careTeamRead, { path: { id }, signal })).data.items,
  });
  return (
    <Panel title={told('access.team')} text={told('access.team_text')}>
      {team.isPending && <Loading lines={2} />}
      {team.isError && <Failure error={team.error} retry={() => void team.refetch()} />}
      {team.data?.length === 0 && <p className="quiet-text">{told('access.team_none')}</p>}
      {team.data && team.data.length > 0 && (
        <ul className="rows">
          {team.data.map((one) => (
            <Member key={`${one.account} ${one.from}`} one={one} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Member({ one }: { one: MemberView }) {
  const { t, moment } = useText();
  return (
    <li>
      <span>
        <bdi>{one.display_name}</bdi>
        <br />
        <span className="quiet-text">{t(`role.${one.role}`)}</span>
      </span>
      <span className="quiet-text">
        {one.until
          ? t('access.from_until', { from: moment(one.from), until: moment(one.until) })
          : t('access.from', { from: moment(one.from) })}
      </span>
    </li>
  );
}

function Looks({ id }: { id: string }) {
  const told = useTold();
  const pages = useInfiniteQuery({
    queryKey: ['access-report', id],
    queryFn: async ({ pageParam, signal }) =>
      (await call(auditAccessReport, { path: { id }, query: { limit: LINES, cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const lines = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title={told('access.looks')} text={told('access.looks_text')}>
      {pages.isPending && <Loading lines={6} />}
      {pages.isError && <Failure error={pages.error} retry={() => void pages.refetch()} />}
      {pages.isSuccess && lines.length === 0 && <p className="quiet-text">{told('access.looks_none')}</p>}
      {lines.length > 0 && (
        <ol className="rows">
          {lines.map((line, at) => (
            // Two uses may have one time and one sentence; a line is its place from the newest one.
            // biome-ignore lint/suspicious/noArrayIndexKey: the list only grows at its end
            <Look key={at} line={line} />
          ))}
        </ol>
      )}
      <More pages={pages} />
    </Panel>
  );
}

function Look({ line }: { line: AccessLine }) {
  const { t, has, moment } = useText();
  return (
    <li>
      <bdi>{sentence(line, { t, has })}</bdi>
      <time className="quiet-text" dateTime={line.at}>
        {moment(line.at)}
      </time>
    </li>
  );
}

function Given({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  const pages = useInfiniteQuery({
    queryKey: ['disclosures', id],
    queryFn: async ({ pageParam, signal }) =>
      (await call(disclosureList, { path: { id }, query: { limit: LINES, cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const given = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const incomplete = pages.data?.pages.some((page) => !page.complete);
  return (
    <Panel title={told('access.given')} text={told('access.given_text')}>
      {pages.isPending && <Loading lines={2} />}
      {pages.isError && <Failure error={pages.error} retry={() => void pages.refetch()} />}
      {incomplete && <Notice kind="warn" title={t('access.incomplete')} />}
      {pages.isSuccess && given.length === 0 && <p className="quiet-text">{told('access.given_none')}</p>}
      {given.length > 0 && (
        <ul className="rows">
          {given.map((one) => (
            <Disclosure key={one.id} one={one} />
          ))}
        </ul>
      )}
      <More pages={pages} />
    </Panel>
  );
}

function Disclosure({ one }: { one: DisclosureView }) {
  const { t, date } = useText();
  return (
    <li>
      <span>
        <bdi>{[one.recipient, one.address].filter(Boolean).join(', ')}</bdi>
        <br />
        {t(`disclosure_purpose.${one.purpose}`)}: <bdi>{one.description}</bdi>
        <br />
        <bdi className="quiet-text">{one.statement}</bdi>
      </span>
      <span className="quiet-text">
        {one.last_on
          ? t('access.several', { times: one.times ?? 2, from: date(one.disclosed_on), until: date(one.last_on) })
          : date(one.disclosed_on)}
      </span>
    </li>
  );
}

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

function More({ pages }: { pages: Pages }) {
  const { t } = useText();
  if (!pages.hasNextPage) return null;
  return (
    <div className="more">
      <Button busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
        {t('more')}
      </Button>
    </div>
  );
}
