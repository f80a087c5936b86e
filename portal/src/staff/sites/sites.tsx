// Where the clinic works: the sites it has, open and closed, what can be done with each, and adding one.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Link } from 'wouter';
import { CallError, call } from '../../api/call.ts';
import { type SiteView, siteCreate } from '../../api/clinic.gen.ts';
import { SITES_KEY, useSites } from '../../clinic/sites/use-sites.ts';
import { clinic } from '../../paths.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { Doings, NAME_MAX_CHARS } from './doings.tsx';

export default function Sites() {
  const { t } = useText();
  const queries = useQueryClient();
  const [said, setSaid] = useState<{ words: Key; name: string }>();
  const sites = useSites();
  const done = async (words: Key, name: string) => {
    // Said once the list shows it: the old name beside "is called … now" would contradict it.
    await queries.invalidateQueries({ queryKey: SITES_KEY });
    setSaid({ words, name });
  };
  return (
    <Page title={t('sites.title')}>
      <p>{t('sites.text')}</p>
      {said && (
        <Notice kind="good" title={t(said.words, { name: said.name })}>
          {said.words === 'sites.added' && <Link href={clinic.staff}>{t('sites.who')}</Link>}
        </Notice>
      )}
      {sites.isPending && <Loading lines={3} />}
      {sites.isError && <Failure error={sites.error} retry={() => void sites.refetch()} />}
      {sites.data?.length === 0 && <Empty title={t('sites.none')} />}
      {sites.data && sites.data.length > 0 && <SiteTable sites={sites.data} changed={done} />}
      {sites.data && <AddSite added={(name) => done('sites.added', name)} />}
    </Page>
  );
}

function SiteTable({ sites, changed }: { sites: SiteView[]; changed: (words: Key, name: string) => Promise<void> }) {
  const { t, date } = useText();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('sites.name')}</th>
          <th scope="col">{t('sites.state')}</th>
          <th scope="col">{t('sites.id')}</th>
          <th scope="col">
            <span className="visually-hidden">{t('sites.do')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {sites.map((one) => (
          <tr key={one.id}>
            <th scope="row">
              <bdi>{one.name}</bdi>
            </th>
            <td data-label={t('sites.state')}>
              <span className={`tag ${one.closed_at ? '' : 'active'}`}>
                {one.closed_at ? t('sites.closed_since', { when: date(one.closed_at) }) : t('sites.open')}
              </span>
            </td>
            <td data-label={t('sites.id')}>
              <code>{one.id}</code>
            </td>
            <td>
              <Doings {...{ one, changed }} />
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
