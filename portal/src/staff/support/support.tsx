// What the platform's support asked to see of the clinic's operational state: answering it, ending it, and what was looked at.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import {
  type SupportGrantState,
  type SupportGrantView,
  supportApprove,
  supportEnd,
  supportList,
  supportRefuse,
} from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Action, type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';

const TAGS: Record<SupportGrantState, string> = { asked: 'pending', approved: 'done', refused: 'bad', ended: '' };

export default function Support() {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['support'],
    queryFn: async ({ pageParam, signal }) => (await call(supportList, { query: { cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const grants = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page title={t('grants.title')}>
      <p>{t('grants.text')}</p>
      {pages.isPending && <Loading lines={4} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && grants.length === 0 && <Empty title={t('grants.none')} />}
      {grants.map((grant) => (
        <Grant key={grant.id} grant={grant} />
      ))}
      <More pages={pages} />
    </Page>
  );
}

function Grant({ grant }: { grant: SupportGrantView }) {
  const { t, moment, number } = useText();
  const title = `${grant.login}, ${moment(grant.asked_at)}`;
  return (
    <section className="panel" aria-label={title}>
      <h2>
        <bdi>{title}</bdi>
      </h2>
      <span className={`tag ${TAGS[grant.state]}`}>{t(`grant_state.${grant.state}`)}</span>
      <blockquote className="quote">
        <bdi>{grant.reason}</bdi>
      </blockquote>
      <p className="quiet-text">
        {t('grants.person')} <code>{grant.platform_person}</code>
        {' · '}
        {grant.ends_at
          ? t('grants.until', { when: moment(grant.ended_at ?? grant.ends_at) })
          : t('grants.for', { count: number(grant.minutes) })}
      </p>
      {grant.answered_by && (
        <p className="quiet-text">
          {t('grants.answered_by')} <code>{grant.answered_by}</code>
        </p>
      )}
      {grant.looks.length > 0 && (
        <>
          <h3>{t('grants.looks')}</h3>
          <ul>
            {grant.looks.map((look) => (
              <li key={`${look.looked_at} ${look.what}`}>
                {t(`support_what.${look.what}`)}, {moment(look.looked_at)}
              </li>
            ))}
          </ul>
        </>
      )}
      <Answers grant={grant} />
    </section>
  );
}

type Doing = 'approve' | 'refuse' | 'end';

const CALLS = { approve: supportApprove, refuse: supportRefuse, end: supportEnd } as const;

/** What can be done in a state; the server knows the rules and refuses the rest. */
const DOINGS: Record<SupportGrantState, Doing[]> = {
  asked: ['approve', 'refuse', 'end'],
  approved: ['end'],
  refused: [],
  ended: [],
};

function Answers({ grant }: { grant: SupportGrantView }) {
  const { t, number } = useText();
  const me = useMe<Me>();
  const fresh = useStepUp();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Doing>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const allowed = DOINGS[grant.state].filter((one) => may(me.role, CALLS[one].name as Action));
  // Who may refuse has no need to end what was not answered.
  const doings = allowed.filter((one) => one !== 'end' || !allowed.includes('refuse'));
  const ask = (one: Doing | undefined) => {
    setFailure(undefined);
    setAsked(one);
  };
  const go = async (one: Doing) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await fresh(() => call(CALLS[one], { path: { id: grant.id } }));
      ask(undefined);
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
    await queries.invalidateQueries({ queryKey: ['support'] });
  };
  if (doings.length === 0) return null;
  return (
    <div className="actions">
      {doings.map((one) => (
        <Button key={one} look={one === 'approve' ? 'primary' : 'plain'} onClick={() => ask(one)}>
          {t(`grants.${one}`)}
        </Button>
      ))}
      <Confirm
        open={asked !== undefined}
        title={asked ? t(`grants.${asked}_title`, { login: grant.login }) : ''}
        actions={
          asked && (
            <>
              <Button onClick={() => ask(undefined)}>{t('cancel')}</Button>
              <Button look={asked === 'approve' ? 'primary' : 'danger'} busy={busy} onClick={() => void go(asked)}>
                {t(`grants.${asked}`)}
              </Button>
            </>
          )
        }
      >
        {asked && <p>{t(`grants.${asked}_text`, { count: number(grant.minutes) })}</p>}
        {failure !== undefined && <Failure error={failure} />}
      </Confirm>
    </div>
  );
}
