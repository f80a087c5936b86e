// Taking on a clinic: who it is, where its data live for good, a look at both, and then the steps as they happen.
import { useRef, useState } from 'react';
import { useForm } from 'react-hook-form';
import { Link } from 'wouter';
import { CallError, call, isRefused } from '../../api/call.ts';
import { type NewTenantBody, tenantCreate } from '../../api/platform.gen.ts';
import { console_ } from '../../paths.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { useRegions, useTenant } from '../queries.ts';
import { Steps } from './steps.tsx';
import { TenantFacts } from './tenant.tsx';

const PAGES = ['who', 'where', 'check'] as const;

export function Onboard() {
  const { t } = useText();
  const [created, setCreated] = useState<string>();
  return (
    <Page
      title={t('onboard.title')}
      above={
        <Link className="back" href={console_.tenants}>
          ← {t('tenants.title')}
        </Link>
      }
    >
      {created ? <Progress id={created} /> : <Wizard done={setCreated} />}
    </Page>
  );
}

function Wizard({ done }: { done: (id: string) => void }) {
  const { t } = useText();
  const faults = useFaults();
  const [at, setAt] = useState(0);
  const [failure, setFailure] = useState<unknown>();
  // One key for one clinic: pressed twice or sent again, it is taken on once.
  const key = useRef(crypto.randomUUID());
  const form = useForm<NewTenantBody>({
    defaultValues: { slug: '', legal_name: '', region: '', first_admin_email: '' },
  });
  const { errors, isSubmitting } = form.formState;
  const next = async () => {
    const fields = at === 0 ? (['slug', 'legal_name', 'first_admin_email'] as const) : (['region'] as const);
    if (await form.trigger(fields, { shouldFocus: true })) setAt(at + 1);
  };
  const send = async (typed: NewTenantBody) => {
    setFailure(undefined);
    try {
      const { data } = await call(tenantCreate, { body: typed, idempotencyKey: key.current });
      done(data.id);
    } catch (error) {
      if (isRefused(error)) key.current = crypto.randomUUID();
      const placed = error instanceof CallError && faults.put(form, error);
      if (!placed) setFailure(error);
      else setAt(error.fields.some(({ pointer }) => pointer === '/region') ? 1 : 0);
    }
  };
  const last = at === PAGES.length - 1;
  return (
    <form
      className="panel wizard"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void (last ? form.handleSubmit(send)() : next());
      }}
    >
      <p className="quiet-text">{t('onboard.step', { step: at + 1, count: PAGES.length })}</p>
      <h2>{t(`onboard.${PAGES[at] ?? 'who'}`)}</h2>
      <div className="stack" hidden={at !== 0}>
        <Field
          label={t('tenant.legal_name')}
          fault={errors.legal_name && (errors.legal_name.message || t('fault.required'))}
          {...form.register('legal_name', { required: true })}
        />
        <Field
          label={t('tenant.slug')}
          hint={t('onboard.slug_hint')}
          autoCapitalize="none"
          fault={errors.slug && (errors.slug.message || t('fault.required'))}
          {...form.register('slug', { required: true })}
        />
        <Field
          type="email"
          label={t('onboard.email')}
          hint={t('onboard.email_hint')}
          fault={errors.first_admin_email && (errors.first_admin_email.message || t('fault.required'))}
          {...form.register('first_admin_email', { required: true })}
        />
      </div>
      <div className="stack" hidden={at !== 1}>
        <p>{t('onboard.region_hint')}</p>
        <RegionChoice field={form.register('region', { required: true })} />
        {errors.region && (
          <p className="fault" role="alert">
            {errors.region.message || t('fault.required')}
          </p>
        )}
      </div>
      {last && <Summary typed={form.getValues()} />}
      {failure !== undefined && <Failure error={failure} />}
      <div className="actions end">
        {at > 0 && <Button onClick={() => setAt(at - 1)}>{t('onboard.back')}</Button>}
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t(last ? 'onboard.go' : 'onboard.next')}
        </Button>
      </div>
    </form>
  );
}

function RegionChoice({ field }: { field: ReturnType<ReturnType<typeof useForm<NewTenantBody>>['register']> }) {
  const { t, has, country } = useText();
  const regions = useRegions();
  if (regions.isPending) return <Loading lines={2} />;
  if (regions.isError) return <Failure error={regions.error} retry={() => void regions.refetch()} />;
  return (
    <fieldset className="choices">
      <legend className="visually-hidden">{t('tenant.region')}</legend>
      {regions.data.map((region) => {
        const name = `region.${region.name}`;
        return (
          <label className="choice" key={region.name}>
            <input type="radio" value={region.name} {...field} />
            <span>
              <strong>{has(name) ? t(name as Key) : region.name}</strong>
              <br />
              <span className="quiet-text">
                {region.name} · {country(region.jurisdiction)}
              </span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

function Summary({ typed }: { typed: NewTenantBody }) {
  const { t } = useText();
  const rows = [
    [t('tenant.legal_name'), typed.legal_name],
    [t('tenant.slug'), typed.slug],
    [t('onboard.email'), typed.first_admin_email],
    [t('tenant.region'), typed.region],
  ];
  return (
    <dl>
      {rows.map(([name, value]) => (
        <div className="fact" key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Progress({ id }: { id: string }) {
  const { t } = useText();
  const tenant = useTenant(id);
  if (!tenant.data) {
    return tenant.isError ? <Failure error={tenant.error} retry={() => void tenant.refetch()} /> : <Loading />;
  }
  const active = tenant.data.data.state === 'active';
  return (
    <>
      <Notice kind={active ? 'good' : 'info'} title={t(active ? 'onboard.done' : 'onboard.running')} />
      <TenantFacts tenant={tenant.data.data} />
      <Steps id={id} live={!active} />
    </>
  );
}
