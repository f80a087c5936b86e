// The first thing that staff see: what waits for them, by what their role may do, each with the way to where it is done.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useId } from 'react';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import {
  breakGlassList,
  type CorrectionView,
  correctionWaiting,
  type OpenReview,
  type WaitingDocumentView,
  type WaitingErasureView,
  type WorklistView,
  worklistRead,
} from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';

/** Most of each kind that is shown here; the rest is in its own list. */
const EACH_MAX = 5;

interface Work {
  work: WorklistView;
  corrections: CorrectionView[];
  moreCorrections: boolean;
  reviews: OpenReview[];
  moreReviews: boolean;
}

/** Everything at once, so that nothing jumps while it comes. */
async function ask(role: string, signal: AbortSignal): Promise<Work> {
  const query = { limit: EACH_MAX };
  const [work, corrections, reviews] = await Promise.all([
    call(worklistRead, { signal }),
    may(role, 'correction.waiting') ? call(correctionWaiting, { query, signal }) : undefined,
    may(role, 'break_glass.list') ? call(breakGlassList, { query, signal }) : undefined,
  ]);
  return {
    work: work.data,
    corrections: corrections?.data.items ?? [],
    moreCorrections: Boolean(corrections?.data.next_cursor),
    reviews: reviews?.data.items ?? [],
    moreReviews: Boolean(reviews?.data.next_cursor),
  };
}

export function Worklist() {
  const { t } = useText();
  const me = useMe<Me>();
  const found = useQuery({ queryKey: ['worklist'], queryFn: ({ signal }) => ask(me.role, signal) });
  return (
    <Page
      title={t('worklist.title')}
      actions={
        may(me.role, 'patient.create') && (
          <Link className="button primary" href={clinic.register}>
            {t('patients.register')}
          </Link>
        )
      }
    >
      {found.isPending && <Loading lines={6} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && <Everything {...found.data} />}
    </Page>
  );
}

function Everything({ work, corrections, moreCorrections, reviews, moreReviews }: Work) {
  const { t } = useText();
  const waits = [corrections, reviews, work.documents, work.erasures].some((list) => list.length > 0);
  const documents = work.documents.slice(0, EACH_MAX);
  const moreDocuments = work.more_documents || documents.length < work.documents.length;
  return (
    <>
      {!waits && <Empty title={t('worklist.none')} />}
      <Part title="worklist.reviews" items={reviews} more={moreReviews} all={clinic.emergency} row={reviewRow} />
      <Part
        title="worklist.erasures"
        items={work.erasures}
        more={work.more_erasures}
        row={(one) => <ErasureRow key={one.patient} one={one} />}
      />
      <Part
        title="worklist.corrections"
        items={corrections}
        more={moreCorrections}
        all={clinic.corrections}
        row={(one) => <CorrectionRow key={one.id} one={one} />}
      />
      <Part
        title="worklist.documents"
        items={documents}
        more={moreDocuments}
        row={(one) => <DocumentRow key={one.id} one={one} />}
      />
      {work.patients.length > 0 && <Newest work={work} />}
    </>
  );
}

interface PartProps<One> {
  title: Key;
  items: One[];
  more: boolean;
  /** Its own list, where there is one. */
  all?: string;
  row: (one: One) => ReactNode;
}

function Part<One>({ title, items, more, all, row }: PartProps<One>) {
  const { t, number } = useText();
  const id = useId();
  if (items.length === 0) return null;
  const count = number(items.length);
  return (
    <section className="panel" aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>
          {t(title)} <span className="tag pending">{more ? t('worklist.more', { count }) : count}</span>
        </h2>
        {all && (
          <Link className="button" href={all} aria-describedby={id}>
            {t('worklist.all')}
          </Link>
        )}
      </div>
      <ul className="rows">{items.map(row)}</ul>
    </section>
  );
}

const reviewRow = (one: OpenReview) => <ReviewRow key={one.id} one={one} />;

function ReviewRow({ one }: { one: OpenReview }) {
  const { t, moment } = useText();
  return (
    <li>
      <Link href={clinic.emergency}>{t(`reason_code.${one.reason_code}`)}</Link>
      <span>
        {one.overdue && <span className="tag bad">{t('reviews.overdue')}</span>}{' '}
        <span className="quiet-text">{t('worklist.since', { when: moment(one.started_at) })}</span>
      </span>
    </li>
  );
}

function CorrectionRow({ one }: { one: CorrectionView }) {
  const { t, date, moment } = useText();
  return (
    <li>
      <Link href={clinic.patientCorrections(one.patient)}>{t('waiting.due', { day: date(one.due_on) })}</Link>
      <span>
        {one.overdue && <span className="tag bad">{t('waiting.late')}</span>}{' '}
        <span className="quiet-text">{t('worklist.asked', { when: moment(one.asked_at) })}</span>
      </span>
    </li>
  );
}

function ErasureRow({ one }: { one: WaitingErasureView }) {
  const { t, has, moment } = useText();
  const basis = `erasure_basis.${one.basis}`;
  return (
    <li>
      <Link href={clinic.erasure(one.patient)}>{has(basis) ? t(basis) : one.basis}</Link>
      <span>
        {one.own && <span className="tag">{t('worklist.own')}</span>}{' '}
        <span className="quiet-text">{t('worklist.asked', { when: moment(one.requested_at) })}</span>
      </span>
    </li>
  );
}

function DocumentRow({ one }: { one: WaitingDocumentView }) {
  const { t, has, moment } = useText();
  const why = `refusal.${one.refusal}`;
  return (
    <li>
      <span>
        <Link href={clinic.documents(one.patient)}>{t(`document_kind.${one.kind}`)}</Link>{' '}
        {one.refusal && <span className="quiet-text">{t(has(why) ? why : 'refusal.other')}</span>}
      </span>
      <span>
        <span className={`tag ${one.state}`}>{t(`document_state.${one.state}`)}</span>{' '}
        <span className="quiet-text">{t('worklist.since', { when: moment(one.since) })}</span>
      </span>
    </li>
  );
}

function Newest({ work }: { work: WorklistView }) {
  const { t, date } = useText();
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>{t('worklist.patients')}</h2>
        <Link className="button" href={clinic.patients} aria-describedby={id}>
          {t('worklist.all')}
        </Link>
      </div>
      <ul className="rows">
        {work.patients.map((one) => (
          <li key={one.id}>
            <Link href={clinic.patient(one.id)}>
              <bdi>{one.name ?? '–'}</bdi>
            </Link>
            <span className="quiet-text">{one.birth_date ? date(one.birth_date) : '–'}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
