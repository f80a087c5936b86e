// Support grants: what clinics were asked for, and what came of it.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import { type GrantView, supportList } from '../../api/platform.gen.ts';
import { console_ } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { StateTag } from './state-tag.tsx';

export function Grants() {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['support'],
    queryFn: async ({ pageParam, signal }) => (await call(supportList, { query: { cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const grants = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page title={t('support.title')}>
      <p className="lead">{t('support.text')}</p>
      {pages.isPending && <Loading lines={6} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && grants.length === 0 && <Empty title={t('support.none')} />}
      {grants.length > 0 && <GrantTable grants={grants} />}
      <More pages={pages} />
    </Page>
  );
}

function GrantTable({ grants }: { grants: GrantView[] }) {
  const { t, moment } = useText();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('tenant.name')}</th>
          <th scope="col">{t('support.asked_at')}</th>
          <th scope="col">{t('support.asked_by')}</th>
          <th scope="col">{t('tenant.state')}</th>
          <th scope="col">{t('support.ends_at')}</th>
        </tr>
      </thead>
      <tbody>
        {grants.map((grant) => (
          <tr key={grant.id}>
            <th scope="row">
              <Link href={console_.grant(grant.id)}>{grant.slug}</Link>
            </th>
            <td data-label={t('support.asked_at')}>{moment(grant.asked_at)}</td>
            <td data-label={t('support.asked_by')}>
              <bdi>{grant.asked_by}</bdi>
            </td>
            <td data-label={t('tenant.state')}>
              <StateTag state={grant.state} />
            </td>
            <td data-label={t('support.ends_at')}>{grant.ends_at ? moment(grant.ends_at) : '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
