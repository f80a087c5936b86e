// Correcting how one is reached: the change names the version it was made from, and a newer one is shown beside it.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useLocation } from 'wouter';
import { type Answer, call, isStale } from '../../api/call.ts';
import { type PatientView, patientContact, patientRead } from '../../api/clinic.gen.ts';
import { ContactFields } from '../../clinic/person/contact-fields.tsx';
import { type PersonForm, toContact, toForm } from '../../clinic/person/person-form.ts';
import { ContactFacts } from '../../clinic/person/record-facts.tsx';
import { usePatient } from '../../clinic/person/use-patient.ts';
import { my } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { BackToRecord, useTold } from '../own-records.tsx';

export function Contact({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  const read = usePatient(id);
  return (
    <Page title={told('ways.contact')} above={<BackToRecord id={id} />}>
      <p className="lead">{t('contact.text')}</p>
      {read.isPending && <Loading lines={6} />}
      {read.isError && <Failure error={read.error} retry={() => void read.refetch()} />}
      {read.data && <ContactForm key={read.data.etag} read={read.data} />}
    </Page>
  );
}

function ContactForm({ read }: { read: Answer<PatientView> }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [, go] = useLocation();
  const [base, setBase] = useState(read);
  const { attempt, failed } = useAttempt();
  const form = useForm<PersonForm>({ defaultValues: toForm(read.data) });
  const path = { id: read.data.id };
  const submit = form.handleSubmit((typed) =>
    attempt(async () => {
      try {
        await call(patientContact, { path, body: toContact(typed), ifMatch: base.etag });
      } catch (error) {
        if (!isStale(error)) throw error;
        setBase(await call(patientRead, { path }));
        return;
      }
      queries.removeQueries({ queryKey: ['patient', read.data.id] });
      go(my.record(read.data.id));
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      {base !== read && (
        <Notice kind="warn" title={t('contact.newer')}>
          <div className="columns">
            <ContactFacts patient={base.data} />
          </div>
        </Notice>
      )}
      <ContactFields form={form} />
      {failed}
      <div className="actions end">
        <Button onClick={() => go(my.record(read.data.id))}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={form.formState.isSubmitting}>
          {t('contact.go')}
        </Button>
      </div>
    </form>
  );
}
