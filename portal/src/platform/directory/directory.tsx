// The signed directory: its version, whether all of it is served, which version every region has, and its log.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { directoryEntries, directoryHead, type EntryView, type HeadView } from '../../api/platform.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { again } from '../queries.ts';
import { Held } from './held.tsx';

/** How often the head is looked at, in milliseconds. */
const LOOK_MS = 5_000;
/** Characters of a chain that tell two apart for a person. */
const CHAIN_CHARS = 16;

export function Directory() {
  const { t } = useText();
  const head = useQuery({
    queryKey: ['directory'],
    queryFn: async ({ signal }) => (await call(directoryHead, { signal, repeats: true })).data,
    refetchInterval: again(LOOK_MS),
  });
  return (
    <Page title={t('directory.title')}>
      <p className="lead">{t('directory.text')}</p>
      {head.isPending && <Loading lines={2} />}
      {head.isError && <Failure error={head.error} retry={() => void head.refetch()} />}
      {head.data && <Head head={head.data} />}
      {head.data && <Held head={head.data} />}
      <Log />
    </Page>
  );
}

function Head({ head }: { head: HeadView }) {
  const { t, number } = useText();
  const isServed = head.served_version >= head.version;
  return (
    <section className="panel facts">
      <dl>
        <div className="fact">
          <dt>{t('directory.version')}</dt>
          <dd>{number(head.version)}</dd>
        </div>
        <div className="fact">
          <dt>{t('directory.served')}</dt>
          <dd>
            {number(head.served_version)}{' '}
            <span className={`tag ${isServed ? 'active' : 'pending'}`}>
              {isServed
                ? t('directory.current')
                : t('directory.behind', { count: number(head.version - head.served_version) })}
            </span>
          </dd>
        </div>
        <div className="fact">
          <dt>{t('directory.chain')}</dt>
          <dd>
            <code>{head.chain}</code>
          </dd>
        </div>
      </dl>
    </section>
  );
}

function Log() {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['directory', 'entries'],
    queryFn: async ({ pageParam, signal }) =>
      (await call(directoryEntries, { query: { limit: 50, cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  if (pages.isPending) return <Loading lines={6} />;
  if (pages.isLoadingError) return <Failure error={pages.error} retry={() => void pages.refetch()} />;
  return (
    <section className="stack" aria-label={t('directory.log')}>
      <EntryTable entries={pages.data.pages.flatMap((page) => page.items)} />
      <More pages={pages} />
    </section>
  );
}

function EntryTable({ entries }: { entries: EntryView[] }) {
  const { t, has, number } = useText();
  const state = (entry: EntryView) => {
    const key = entry.kind === 'region' ? `transit.${entry.state}` : `tenant_state.${entry.state}`;
    return has(key) ? t(key as Key) : entry.state;
  };
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('directory.version')}</th>
          <th scope="col">{t('directory.kind')}</th>
          <th scope="col">{t('directory.id')}</th>
          <th scope="col">{t('region.name')}</th>
          <th scope="col">{t('tenant.state')}</th>
          <th scope="col">{t('directory.chain')}</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.version}>
            <th scope="row">{number(entry.version)}</th>
            <td data-label={t('directory.kind')}>
              {t(entry.kind === 'region' ? 'directory.kind_region' : 'directory.kind_tenant')}
            </td>
            <td data-label={t('directory.id')}>{entry.slug ?? entry.id}</td>
            <td data-label={t('region.name')}>
              <code>{entry.region}</code>
            </td>
            <td data-label={t('tenant.state')}>
              <span className={`tag ${entry.state}`}>{state(entry)}</span>
            </td>
            <td data-label={t('directory.chain')}>
              <code>{entry.chain.slice(0, CHAIN_CHARS)}…</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
