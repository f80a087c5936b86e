// The privacy officer's list of emergencies that nobody has looked at, and the look.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import { breakGlassList, breakGlassReview, type OpenReview, Verdict } from '../../api/clinic.gen.ts';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Select, TextArea } from '../../ui/field.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';

export function Reviews() {
  const { t } = useText();
  const queries = useQueryClient();
  const [reviewing, setReviewing] = useState<OpenReview>();
  const [done, setDone] = useState(false);
  const pages = useInfiniteQuery({
    queryKey: ['reviews'],
    queryFn: async ({ pageParam, signal }) =>
      (await call(breakGlassList, { query: { cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const reviewed = async () => {
    setReviewing(undefined);
    await queries.invalidateQueries({ queryKey: ['reviews'] });
    setDone(true);
  };
  return (
    <Page title={t('reviews.title')}>
      {done && <Notice kind="good" title={t('reviews.done')} />}
      {pages.isPending && <Loading lines={4} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && items.length === 0 && <Empty title={t('reviews.none')} />}
      {items.map((one) => (
        <Review key={one.id} one={one} review={() => setReviewing(one)} />
      ))}
      <More pages={pages} />
      <Sheet open={reviewing !== undefined} close={() => setReviewing(undefined)} title={t('reviews.review')}>
        {reviewing && <ReviewForm one={reviewing} done={reviewed} />}
      </Sheet>
    </Page>
  );
}

function Review({ one, review }: { one: OpenReview; review: () => void }) {
  const { t, moment } = useText();
  const title = `${t(`reason_code.${one.reason_code}`)}, ${moment(one.started_at)}`;
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      {one.overdue && <span className="tag bad">{t('reviews.overdue')}</span>}
      <blockquote className="quote">
        <bdi>{one.reason}</bdi>
      </blockquote>
      <p className="quiet-text">
        {t('reviews.who')} <code>{one.account}</code> · {t('reviews.until', { when: moment(one.until) })}
      </p>
      <div className="actions">
        <Link className="button" href={clinic.patient(one.patient)}>
          {t('reviews.record')}
        </Link>
        <Button look="primary" onClick={review}>
          {t('reviews.review')}
        </Button>
      </div>
    </section>
  );
}

function ReviewForm({ one, done }: { one: OpenReview; done: () => Promise<void> }) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm<{ verdict: Verdict; note: string }>({ defaultValues: { verdict: 'justified', note: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit((typed) =>
    attempt(async () => {
      await call(breakGlassReview, { path: { id: one.id }, body: typed });
      await done();
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      <blockquote className="quote">
        <bdi>{one.reason}</bdi>
      </blockquote>
      {failed}
      <Select label={t('reviews.verdict')} {...form.register('verdict')}>
        {Verdict.options.map((verdict) => (
          <option key={verdict} value={verdict}>
            {t(`verdict.${verdict}`)}
          </option>
        ))}
      </Select>
      <TextArea
        label={t('reviews.note')}
        hint={t('emergency.reason_hint')}
        maxLength={500}
        fault={errors.note && (errors.note.message || t('fault.required'))}
        {...form.register('note', { required: true })}
      />
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('reviews.go')}
        </Button>
      </div>
    </form>
  );
}
