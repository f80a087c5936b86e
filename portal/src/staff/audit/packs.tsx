// The months of the log that were packed: files to keep elsewhere, which a program checks without this clinic.
import { useInfiniteQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { auditPackDownload, auditPackList, type PackView } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';

export function Packs() {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['audit-packs'],
    queryFn: async ({ pageParam, signal }) =>
      (await call(auditPackList, { query: { before: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_before ?? undefined,
  });
  const packs = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="panel" aria-label={t('packs.title')}>
      <h2>{t('packs.title')}</h2>
      <p>{t('packs.text')}</p>
      {pages.isPending && <Loading lines={2} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && packs.length === 0 && <p className="quiet-text">{t('packs.none')}</p>}
      {packs.length > 0 && (
        <ul className="rows">
          {packs.map((one) => (
            <Pack key={one.id} one={one} />
          ))}
        </ul>
      )}
      <More pages={pages} />
    </section>
  );
}

/** Where a file of a pack is: the browser takes it like any other file, with the session's cookie. */
const fileAt = (id: string, number: number) =>
  auditPackDownload.path.replace('{id}', encodeURIComponent(id)).replace('{number}', String(number));

function Pack({ one }: { one: PackView }) {
  const { t, date, moment, number } = useText();
  return (
    <li>
      <span>
        {t('packs.month', { first: date(one.month), count: number(one.events) })}
        <br />
        <span className="quiet-text">{t('packs.made', { when: moment(one.made_at) })}</span>
      </span>
      <span className="actions">
        {one.files.map((name, at) => (
          <a key={name} className="button quiet" href={fileAt(one.id, at)} download={name} referrerPolicy="no-referrer">
            <code>{name}</code>
          </a>
        ))}
      </span>
    </li>
  );
}
