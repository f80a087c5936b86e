// One support grant: what was asked, what the clinic answered, and looking while it lasts.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import {
  type GrantView,
  type LookView,
  type SessionView,
  SupportWhat,
  supportEnd,
  supportLook,
} from '../../api/platform.gen.ts';
import { console_ } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { isOver, useGrant } from '../queries.ts';
import { Answer } from './answer.tsx';
import { StateTag } from './state-tag.tsx';

export function Grant({ id }: { id: string }) {
  const { t } = useText();
  const me = useMe<SessionView>();
  const found = useGrant(id);
  const above = (
    <Link className="back" href={console_.support}>
      ← {t('support.title')}
    </Link>
  );
  if (!found.data) {
    return (
      <Page title={t('support.grant')} above={above}>
        {found.isError ? <Failure error={found.error} retry={() => void found.refetch()} /> : <Loading lines={6} />}
      </Page>
    );
  }
  const { grant, looks } = found.data;
  // The answers are for whoever asked; administrators see that there were looks.
  const isMine = me.role === 'support';
  return (
    <Page title={grant.slug} above={above} actions={!isOver(grant.state) && <End grant={grant} />}>
      <GrantFacts grant={grant} />
      {grant.state === 'asked' && <Notice kind="info" title={t('support.waits')} />}
      {isMine && grant.state === 'approved' && <LookAt grant={grant} />}
      <section className="stack" aria-label={t('support.looks')}>
        <h2>{t('support.looks')}</h2>
        {looks.length === 0 && <p className="quiet-text">{t('support.no_looks')}</p>}
        {looks.map((look) => (
          <Look key={look.id} grant={grant} look={look} isMine={isMine} />
        ))}
      </section>
    </Page>
  );
}

function GrantFacts({ grant }: { grant: GrantView }) {
  const { t, moment, number } = useText();
  const times = [
    ['support.asked_at', grant.asked_at],
    ['support.answered_at', grant.answered_at],
    ['support.ends_at', grant.ends_at],
    ['support.over_at', grant.over_at],
  ] as const;
  return (
    <section className="panel facts">
      <blockquote className="quote">
        <bdi>{grant.reason}</bdi>
      </blockquote>
      <dl>
        <div className="fact">
          <dt>{t('tenant.state')}</dt>
          <dd>
            <StateTag state={grant.state} />
          </dd>
        </div>
        <div className="fact">
          <dt>{t('support.asked_by')}</dt>
          <dd>
            <bdi>{grant.asked_by}</bdi>
          </dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.region')}</dt>
          <dd>
            <code>{grant.region}</code>
          </dd>
        </div>
        <div className="fact">
          <dt>{t('support.minutes')}</dt>
          <dd>{t('support.minutes_of', { count: number(grant.minutes) })}</dd>
        </div>
        {times.map(
          ([label, at]) =>
            at && (
              <div className="fact" key={label}>
                <dt>{t(label)}</dt>
                <dd>{moment(at)}</dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}

function LookAt({ grant }: { grant: GrantView }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [busy, setBusy] = useState<SupportWhat>();
  const { attempt, failed } = useAttempt();
  const look = async (what: SupportWhat) => {
    setBusy(what);
    await attempt(async () => {
      await call(supportLook, { path: { id: grant.id }, body: { what } });
    });
    setBusy(undefined);
    await queries.invalidateQueries({ queryKey: ['support', grant.id] });
  };
  return (
    <section className="panel" aria-label={t('support.look')}>
      <h2>{t('support.look')}</h2>
      <p className="quiet-text">{t('support.recorded')}</p>
      {failed}
      <div className="actions">
        {SupportWhat.options.map((what) => (
          <Button key={what} busy={busy === what} onClick={() => void look(what)}>
            {t(`support_what.${what}`)}
          </Button>
        ))}
      </div>
    </section>
  );
}

function Look({ grant, look, isMine }: { grant: GrantView; look: LookView; isMine: boolean }) {
  const { t, moment } = useText();
  const title = `${t(`support_what.${look.what}`)}, ${moment(look.asked_at)}`;
  const isShown = isMine && look.state === 'done' && grant.state === 'approved';
  return (
    <section className="panel" aria-label={title} aria-busy={look.state === 'open'}>
      <h3>{title}</h3>
      {look.state === 'open' && <p className="quiet-text">{t('support.asking')}</p>}
      {look.state === 'failed' && <p>{t('support.failed', { code: look.code ?? '' })}</p>}
      {look.state === 'done' && !isShown && <p className="quiet-text">{t('support.answered')}</p>}
      {isShown && <Answer grant={grant.id} look={look.id} />}
    </section>
  );
}

function End({ grant }: { grant: GrantView }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const end = async () => {
    await attempt(async () => {
      await call(supportEnd, { path: { id: grant.id } });
      setAsked(false);
    });
    await queries.invalidateQueries({ queryKey: ['support'] });
  };
  return (
    <>
      <Button onClick={() => setAsked(true)}>{t('support.end')}</Button>
      <Confirm
        open={asked}
        title={t('support.end_title')}
        actions={
          <>
            <Button onClick={() => setAsked(false)}>{t('cancel')}</Button>
            <Button look="danger" busy={busy} onClick={() => void end()}>
              {t('support.end')}
            </Button>
          </>
        }
      >
        <p>{t('support.end_text')}</p>
        {failed}
      </Confirm>
    </>
  );
}
