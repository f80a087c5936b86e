// Where a patient is registered, which decides which front desk, laboratory and billing reach the record.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { patientSites, patientSitesRead, type SiteView } from '../../api/clinic.gen.ts';
import { SiteChoice } from '../../clinic/sites/choice.tsx';
import { choosable } from '../../clinic/sites/choosable.ts';
import { useSites } from '../../clinic/sites/use-sites.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';

export function RegisteredAt({ patient }: { patient: string }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t('registered_at.go')}</Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('registered_at.title')}>
        <Registration patient={patient} />
      </Sheet>
    </>
  );
}

const key = (patient: string) => ['patient-sites', patient];

function Registration({ patient }: { patient: string }) {
  const sites = useSites();
  const at = useQuery({
    queryKey: key(patient),
    queryFn: async ({ signal }) => (await call(patientSitesRead, { path: { id: patient }, signal })).data.sites,
  });
  if (sites.isPending || at.isPending) return <Loading lines={3} />;
  if (sites.isError) return <Failure error={sites.error} retry={() => void sites.refetch()} />;
  if (at.isError) return <Failure error={at.error} retry={() => void at.refetch()} />;
  return <RegistrationForm patient={patient} sites={choosable(sites.data, at.data)} at={at.data} />;
}

function RegistrationForm({ patient, sites, at }: { patient: string; sites: SiteView[]; at: string[] }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [done, setDone] = useState(false);
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { sites: at } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ sites: chosen }) => {
    setDone(false);
    await attempt(async () => {
      await call(patientSites, { path: { id: patient }, body: { sites: chosen } });
      await queries.invalidateQueries({ queryKey: key(patient) });
      setDone(true);
    }, form);
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('registered_at.text')}</p>
      {done && <Notice kind="good" title={t('registered_at.done')} />}
      {failed}
      <SiteChoice
        sites={sites}
        legend={t('registered_at.sites')}
        fault={errors.sites && (errors.sites.message || t('fault.one_site'))}
        field={form.register('sites', { required: true })}
      />
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('manage.sites_go')}
        </Button>
      </div>
    </form>
  );
}
