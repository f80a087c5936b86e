// Where the clinic works: the sites it has, and adding one.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Link } from 'wouter';
import { CallError, call } from '../../api/call.ts';
import { type SiteView, siteCreate } from '../../api/clinic.gen.ts';
import { SITES_KEY, useSites } from '../../clinic/sites/use-sites.ts';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';

/** The server's limit (app/src/sites/api.rs). */
const NAME_MAX_CHARS = 100;

export default function Sites() {
  const { t } = useText();
  const queries = useQueryClient();
  const [added, setAdded] = useState<string>();
  const sites = useSites();
  return (
    <Page title={t('sites.title')}>
      <p>{t('sites.text')}</p>
      {added && (
        <Notice kind="good" title={t('sites.added', { name: added })}>
          <Link href={clinic.staff}>{t('sites.who')}</Link>
        </Notice>
      )}
      {sites.isPending && <Loading lines={3} />}
      {sites.isError && <Failure error={sites.error} retry={() => void sites.refetch()} />}
      {sites.data?.length === 0 && <Empty title={t('sites.none')} />}
      {sites.data && sites.data.length > 0 && <SiteTable sites={sites.data} />}
      {sites.data && (
        <AddSite
          added={async (name) => {
            setAdded(name);
            await queries.invalidateQueries({ queryKey: SITES_KEY });
          }}
        />
      )}
    </Page>
  );
}

function SiteTable({ sites }: { sites: SiteView[] }) {
  const { t } = useText();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('sites.name')}</th>
          <th scope="col">{t('sites.id')}</th>
        </tr>
      </thead>
      <tbody>
        {sites.map((one) => (
          <tr key={one.id}>
            <th scope="row">
              <bdi>{one.name}</bdi>
            </th>
            <td data-label={t('sites.id')}>
              <code>{one.id}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AddSite({ added }: { added: (name: string) => Promise<void> }) {
  const { t } = useText();
  const faults = useFaults();
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { name: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async (body) => {
    setFailure(undefined);
    try {
      const { data } = await call(siteCreate, { body });
      form.reset();
      await added(data.name);
    } catch (error) {
      if (!(error instanceof CallError)) setFailure(error);
      // That there are too many is about no field, and only this one can say it.
      else if (error.fields.some(({ code }) => code === 'too_many_sites'))
        form.setError('name', { message: faults.words('too_many_sites') }, { shouldFocus: true });
      else if (!faults.put(form, error)) setFailure(error);
    }
  });
  return (
    <section className="panel" aria-label={t('sites.add')}>
      <h2>{t('sites.add')}</h2>
      <form onSubmit={submit} noValidate className="stack">
        <Field
          label={t('sites.name')}
          hint={t('sites.name_hint')}
          maxLength={NAME_MAX_CHARS}
          fault={errors.name && (errors.name.message || t('fault.required'))}
          {...form.register('name', { required: true })}
        />
        {failure !== undefined && <Failure error={failure} />}
        <div className="actions end">
          <Button type="submit" look="primary" busy={isSubmitting}>
            {t('sites.add_go')}
          </Button>
        </div>
      </form>
    </section>
  );
}
