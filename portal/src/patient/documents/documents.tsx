// The documents of the own record: what each is, and opening it.
import { useInfiniteQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { type DocumentView, documentList } from '../../api/clinic.gen.ts';
import { Opening } from '../../clinic/documents/opening.tsx';
import { useSize } from '../../clinic/documents/size.ts';
import { useText } from '../../text/text.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { BackToRecord, useTold } from '../own-records.tsx';

export function Documents({ id }: { id: string }) {
  const { t } = useText();
  const told = useTold();
  const pages = useInfiniteQuery({
    queryKey: ['documents', id],
    queryFn: async ({ pageParam, signal }) =>
      (await call(documentList, { path: { id }, query: { cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page title={t('documents.title')} above={<BackToRecord id={id} />}>
      {pages.isPending && <Loading lines={4} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && items.length === 0 && <Empty title={told('documents.empty')} />}
      {items.length > 0 && (
        <>
          <p className="lead">{t('documents.text')}</p>
          <ul className="papers">
            {items.map((one) => (
              <Paper key={one.id} one={one} />
            ))}
          </ul>
        </>
      )}
      <More pages={pages} />
    </Page>
  );
}

function Paper({ one }: { one: DocumentView }) {
  const { t, date, moment } = useText();
  const size = useSize();
  return (
    <li className="panel paper">
      <div>
        <h2>
          <bdi>{one.title}</bdi>
        </h2>
        <p className="quiet-text">
          {t(`document_kind.${one.kind}`)}
          {one.dated_on && ` ${t('document.dated', { date: date(one.dated_on) })}`} · {moment(one.created_at)} ·{' '}
          {size(one.size_bytes)}
        </p>
        {one.state === 'superseded' && <span className="tag">{t('documents.replaced')}</span>}
      </div>
      <div className="actions">
        <Opening one={one} look="plain" />
      </div>
    </li>
  );
}
