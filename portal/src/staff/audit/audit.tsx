// The clinic's log: searched by what it is about, read in sentences, each event with a receipt to check elsewhere.
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import { About, type AuditSearch, auditSearch } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { EventTable } from './events.tsx';
import { Packs } from './packs.tsx';

const PAGE_EVENTS = 50;

interface Typed {
  about: About;
  id: string;
  from: string;
  until: string;
}

/** Whom a search is about, where it is about somebody. */
const WHOM: Partial<Record<About, 'audit.patient' | 'audit.actor'>> = {
  patient: 'audit.patient',
  disclosures: 'audit.patient',
  actor: 'audit.actor',
};

const instant = (typed: string) => (typed ? new Date(typed).toISOString() : undefined);

function searchOf({ about, id, from, until }: Typed): AuditSearch {
  return {
    about,
    limit: PAGE_EVENTS,
    ...(WHOM[about] && { id: id.trim() }),
    ...(from && { from: instant(from) }),
    ...(until && { until: instant(until) }),
  };
}

export function Audit() {
  const { t } = useText();
  const me = useMe<Me>();
  const [search, setSearch] = useState<AuditSearch>({ about: 'everything', limit: PAGE_EVENTS });
  const form = useForm<Typed>({ defaultValues: { about: 'everything', id: '', from: '', until: '' } });
  const { errors } = form.formState;
  const whom = WHOM[form.watch('about')];
  return (
    <Page title={t('audit.title')}>
      <p>{t('audit.text')}</p>
      <form className="panel search" noValidate onSubmit={form.handleSubmit((typed) => setSearch(searchOf(typed)))}>
        <Select label={t('audit.about')} {...form.register('about')}>
          {About.options.map((one) => (
            <option key={one} value={one}>
              {t(`audit_about.${one}`)}
            </option>
          ))}
        </Select>
        {whom && (
          <Field
            label={t(whom)}
            maxLength={60}
            fault={errors.id && t('fault.required')}
            {...form.register('id', { required: true })}
          />
        )}
        <Field label={t('audit.from')} optional={t('optional')} type="datetime-local" {...form.register('from')} />
        <Field label={t('audit.until')} optional={t('optional')} type="datetime-local" {...form.register('until')} />
        <div className="actions end">
          <Button type="submit" look="primary">
            {t('audit.go')}
          </Button>
        </div>
      </form>
      <Found search={search} />
      {may(me.role, 'audit_pack.list') && <Packs />}
    </Page>
  );
}

function Found({ search }: { search: AuditSearch }) {
  const { t } = useText();
  const faults = useFaults();
  const pages = useInfiniteQuery({
    queryKey: ['audit', search],
    queryFn: async ({ pageParam, signal }) =>
      (await call(auditSearch, { body: { ...search, ...(pageParam && { cursor: pageParam }) }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  if (pages.isPending) return <Loading lines={6} />;
  if (pages.isLoadingError) {
    const fault = pages.error instanceof CallError ? pages.error.fields[0] : undefined;
    if (fault) return <Empty title={faults.words(fault.code)} />;
    return <Failure error={pages.error} retry={() => void pages.refetch()} />;
  }
  const items = pages.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return <Empty title={t('audit.none')} />;
  return (
    <section aria-label={t('audit.results')} aria-busy={pages.isFetching}>
      <EventTable events={items} />
      <More pages={pages} />
    </section>
  );
}
