// Who used a record and to whom it was given, as lists that grow by pages; what is said around them is each application's own.
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/call.ts';
import { type AccessLine, auditAccessReport, type DisclosureView, disclosureList } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { sentence } from './look.ts';

/** Lines at a time: what one reads, and a few more. */
const LINES = 25;

/** Who used a record, the newest use first. */
export function useLooks(id: string) {
  return useInfiniteQuery({
    queryKey: ['access-report', id],
    queryFn: async ({ pageParam, signal }) =>
      (await call(auditAccessReport, { path: { id }, query: { limit: LINES, cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export const givenKey = (id: string) => ['disclosures', id];

/** To whom a record's data were given, what was written down last first. */
export function useGiven(id: string) {
  return useInfiniteQuery({
    queryKey: givenKey(id),
    queryFn: async ({ pageParam, signal }) =>
      (await call(disclosureList, { path: { id }, query: { limit: LINES, cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function Looks({ lines }: { lines: AccessLine[] }) {
  return (
    <ol className="rows">
      {lines.map((line, at) => (
        // Two uses may have one time and one sentence; a line is its place from the newest one.
        // biome-ignore lint/suspicious/noArrayIndexKey: the list only grows at its end
        <Look key={at} line={line} />
      ))}
    </ol>
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

/** One time that data were given, with what else a reader is told of it. */
export function Disclosure({ one, children }: { one: DisclosureView; children?: ReactNode }) {
  const { t, date } = useText();
  return (
    <li>
      <span>
        <bdi>{[one.recipient, one.address].filter(Boolean).join(', ')}</bdi>
        <br />
        {t(`disclosure_purpose.${one.purpose}`)}: <bdi>{one.description}</bdi>
        <br />
        <bdi className="quiet-text">{one.statement}</bdi>
        {children}
      </span>
      <span className="quiet-text">
        {one.last_on
          ? t('access.several', { times: one.times ?? 2, from: date(one.disclosed_on), until: date(one.last_on) })
          : date(one.disclosed_on)}
      </span>
    </li>
  );
}
