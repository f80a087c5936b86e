// One clinic: its placement, its steps as they happen, and its life cycle.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import {
  type SessionView,
  type TenantView,
  tenantOffboard,
  tenantResume,
  tenantSuspend,
} from '../../api/platform.gen.ts';
import { console_ } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useStepUp } from '../../shell/step-up.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { forget, isChanging, useTenant } from '../queries.ts';
import { AskSupport } from '../support/ask.tsx';
import { Steps } from './steps.tsx';

export function Tenant({ id }: { id: string }) {
  const { t } = useText();
  const tenant = useTenant(id);
  const isSupport = useMe<SessionView>().role === 'support';
  const above = (
    <Link className="back" href={console_.tenants}>
      ← {t('tenants.title')}
    </Link>
  );
  if (!tenant.data) {
    return (
      <Page title={t('tenant.name')} above={above}>
        {tenant.isError ? <Failure error={tenant.error} retry={() => void tenant.refetch()} /> : <Loading lines={6} />}
      </Page>
    );
  }
  const { data, etag } = tenant.data;
  const isServed = data.state === 'active' || data.state === 'suspended';
  return (
    <Page
      title={data.slug}
      above={above}
      actions={isSupport ? isServed && <AskSupport tenant={data} /> : <LifeCycle tenant={data} etag={etag} />}
    >
      <TenantFacts tenant={data} />
      <Steps id={data.id} live={isChanging(data.state)} />
    </Page>
  );
}

export function TenantFacts({ tenant }: { tenant: TenantView }) {
  const { t, moment, number } = useText();
  return (
    <section className="panel facts">
      <dl>
        <div className="fact">
          <dt>{t('tenant.state')}</dt>
          <dd>
            <span className={`tag ${tenant.state}`}>{t(`tenant_state.${tenant.state}` as Key)}</span>
          </dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.legal_name')}</dt>
          <dd>
            <bdi>{tenant.legal_name}</bdi>
          </dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.region')}</dt>
          <dd>
            <code>{tenant.region}</code>
          </dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.shard')}</dt>
          <dd>{number(tenant.shard)}</dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.epoch')}</dt>
          <dd>{number(tenant.epoch)}</dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.since')}</dt>
          <dd>{moment(tenant.created_at)}</dd>
        </div>
        <div className="fact">
          <dt>{t('tenant.changed')}</dt>
          <dd>{moment(tenant.updated_at)}</dd>
        </div>
      </dl>
    </section>
  );
}

type Change = 'suspend' | 'resume' | 'offboard';

/** What can be done in a state; the server knows the rules and refuses the rest. */
const CHANGES: Record<string, Change[]> = { active: ['suspend', 'offboard'], suspended: ['resume', 'offboard'] };

function LifeCycle({ tenant, etag }: { tenant: TenantView; etag: string }) {
  const { t } = useText();
  const queries = useQueryClient();
  const fresh = useStepUp();
  const [asked, setAsked] = useState<Change>();
  const [slug, setSlug] = useState('');
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ask = (change: Change | undefined) => {
    setSlug('');
    setFailure(undefined);
    setAsked(change);
  };
  const change = async (what: Change) => {
    const about = { path: { id: tenant.id }, ifMatch: etag };
    setBusy(true);
    setFailure(undefined);
    // A fresh sign-in is asked for in a dialog of its own, with nothing else above or below it.
    if (what === 'offboard') setAsked(undefined);
    try {
      if (what === 'suspend') await call(tenantSuspend, about);
      else if (what === 'resume') await call(tenantResume, about);
      else await fresh(() => call(tenantOffboard, { ...about, body: { confirm_slug: slug } }));
      ask(undefined);
    } catch (error) {
      setFailure(error);
      setAsked(what);
    }
    setBusy(false);
    await forget(queries, tenant.id);
  };
  return (
    <>
      {(CHANGES[tenant.state] ?? []).map((one) => (
        <Button key={one} look={one === 'offboard' ? 'danger' : 'plain'} busy={busy} onClick={() => ask(one)}>
          {t(`tenant.${one}`)}
        </Button>
      ))}
      <Confirm
        open={asked !== undefined}
        title={asked ? t(`tenant.${asked}_title`, { slug: tenant.slug }) : ''}
        actions={
          asked && (
            <>
              <Button onClick={() => ask(undefined)}>{t('cancel')}</Button>
              <Button
                look={asked === 'resume' ? 'primary' : 'danger'}
                busy={busy}
                disabled={asked === 'offboard' && slug !== tenant.slug}
                onClick={() => void change(asked)}
              >
                {t(`tenant.${asked}`)}
              </Button>
            </>
          )
        }
      >
        {asked && <p>{t(`tenant.${asked}_text`)}</p>}
        {asked === 'offboard' && (
          <Field label={t('tenant.confirm_slug')} value={slug} onChange={(event) => setSlug(event.target.value)} />
        )}
        {failure !== undefined && <Failure error={failure} />}
      </Confirm>
    </>
  );
}
