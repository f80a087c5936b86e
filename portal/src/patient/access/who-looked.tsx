// Who may see the own record, who has seen it, and to whom it was given: in plain words.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/call.ts';
import { careTeamRead, type MemberView } from '../../api/clinic.gen.ts';
import { Disclosure, Looks, useGiven, useLooks } from '../../clinic/access/lists.tsx';
import type { Me } from '../../clinic/me.ts';
import { PrintHead } from '../../clinic/print-head.tsx';
import { JURISDICTION } from '../../place.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { BackToRecord, isAnothers, nameOf, useOwnRecords, useTold } from '../own-records.tsx';

export function WhoLooked({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  const me = useMe<Me>();
  const { chosen } = useOwnRecords();
  const name = chosen ? nameOf(chosen) : '–';
  return (
    <Page
      title={t('ways.access')}
      above={<BackToRecord id={id} />}
      actions={<Button onClick={() => window.print()}>{t('record.print')}</Button>}
    >
      <PrintHead reader={isAnothers(chosen) ? me.email : name} about={<bdi>{name}</bdi>} />
      <p className="lead">{told('access.lead')}</p>
      <Team id={id} />
      <Uses id={id} />
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

function Uses({ id }: { id: string }) {
  const told = useTold();
  const pages = useLooks(id);
  const lines = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title={told('access.looks')} text={told('access.looks_text')}>
      {pages.isPending && <Loading lines={6} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && lines.length === 0 && <p className="quiet-text">{told('access.looks_none')}</p>}
      {lines.length > 0 && <Looks lines={lines} />}
      <More pages={pages} />
    </Panel>
  );
}

function Given({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  const pages = useGiven(id);
  const given = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const incomplete = pages.data?.pages.some((page) => !page.complete);
  return (
    <Panel title={told('access.given')} text={told('access.given_text')}>
      {pages.isPending && <Loading lines={2} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
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
