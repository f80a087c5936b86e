// Asking the clinic to correct the record, and what it answered.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type CorrectionView, correctionAsk, correctionList } from '../../api/clinic.gen.ts';
import { CorrectionState, CorrectionWords, TEXT_MAX_CHARS } from '../../clinic/corrections/words.tsx';
import { JURISDICTION } from '../../place.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { TextArea } from '../../ui/field.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { BackToRecord, useTold } from '../own-records.tsx';

export function Corrections({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  return (
    <Page title={t('corrections.title')} above={<BackToRecord id={id} />}>
      <p className="lead">{told('corrections.text')}</p>
      <Ask id={id} />
      <Asked id={id} />
      <p className="hint">{t(`corrections.law_${JURISDICTION}`)}</p>
    </Page>
  );
}

function Ask({ id }: { id: string }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [done, setDone] = useState(false);
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { what: '', wish: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async (body) => {
    setDone(false);
    await attempt(async () => {
      await call(correctionAsk, { path: { id }, body });
      form.reset();
      await queries.invalidateQueries({ queryKey: ['corrections', id] });
      setDone(true);
    }, form);
  });
  return (
    <section className="panel" aria-label={t('corrections.ask')}>
      <h2>{t('corrections.ask')}</h2>
      {done && <Notice kind="good" title={t('corrections.asked')} />}
      <form onSubmit={submit} noValidate className="stack">
        <TextArea
          label={t('corrections.what')}
          hint={t('corrections.what_hint')}
          rows={3}
          maxLength={TEXT_MAX_CHARS}
          fault={errors.what && (errors.what.message || t('fault.required'))}
          {...form.register('what', { required: true })}
        />
        <TextArea
          label={t('corrections.wish')}
          hint={t('corrections.wish_hint')}
          rows={3}
          maxLength={TEXT_MAX_CHARS}
          fault={errors.wish && (errors.wish.message || t('fault.required'))}
          {...form.register('wish', { required: true })}
        />
        {failed}
        <div className="actions end">
          <Button type="submit" look="primary" busy={isSubmitting}>
            {t('corrections.go')}
          </Button>
        </div>
      </form>
    </section>
  );
}

function Asked({ id }: { id: string }) {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['corrections', id],
    queryFn: async ({ pageParam, signal }) =>
      (await call(correctionList, { path: { id }, query: { cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const asked = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="stack" aria-label={t('corrections.before')}>
      <h2>{t('corrections.before')}</h2>
      {pages.isPending && <Loading lines={2} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && asked.length === 0 && <p className="quiet-text">{t('corrections.none')}</p>}
      {asked.map((one) => (
        <Correction key={one.id} one={one} />
      ))}
      <More pages={pages} />
    </section>
  );
}

function Correction({ one }: { one: CorrectionView }) {
  const { t, date } = useText();
  return (
    <article className="panel">
      <p>
        <CorrectionState one={one} />
      </p>
      <CorrectionWords one={one} />
      {one.state === 'open' && (
        <p className="quiet-text">
          {t(one.overdue ? 'corrections.overdue' : 'corrections.due', { day: date(one.due_on) })}
        </p>
      )}
    </article>
  );
}
