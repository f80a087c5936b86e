// Who works in the clinic: the list, inviting, managing an account, and opening one that took too many wrong passwords.
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type StaffView, staffList, staffUnlock } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { useSites } from '../../clinic/sites/use-sites.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { SiteNames } from './at-sites.tsx';
import { Invite } from './invite.tsx';
import { Manage } from './manage.tsx';
import { ResetFactor } from './reset-factor.tsx';

export function Staff() {
  const { t } = useText();
  const me = useMe<Me>();
  const [inviting, setInviting] = useState(false);
  const [invited, setInvited] = useState<string>();
  const pages = useInfiniteQuery({
    queryKey: ['staff'],
    queryFn: async ({ pageParam, signal }) => (await call(staffList, { query: { cursor: pageParam }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title={t('staff.title')}
      actions={
        may(me.role, 'staff.invite') && (
          <Button look="primary" onClick={() => setInviting(true)}>
            {t('staff.invite')}
          </Button>
        )
      }
    >
      {invited && <Notice kind="good" title={t('staff.invited', { email: invited })} />}
      {pages.isPending && <Loading lines={6} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && items.length === 0 && <Empty title={t('staff.none')} />}
      {items.length > 0 && <StaffTable items={items} />}
      <More pages={pages} />
      <Invite
        open={inviting}
        close={() => setInviting(false)}
        done={(email) => {
          setInviting(false);
          setInvited(email);
        }}
      />
    </Page>
  );
}

function StaffTable({ items }: { items: StaffView[] }) {
  const { t, date } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const look = () => queries.invalidateQueries({ queryKey: ['staff'] });
  const sites = useSites();
  // With one site everybody works there, and it goes without saying.
  const several = (sites.data?.length ?? 0) > 1;
  const unlock = useMutation({
    mutationFn: (account: string) => call(staffUnlock, { path: { id: account } }),
    onSuccess: look,
  });
  return (
    <>
      {unlock.isError && <Failure error={unlock.error} />}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('staff.name')}</th>
            <th scope="col">{t('staff.email')}</th>
            <th scope="col">{t('staff.role')}</th>
            <th scope="col">{t('staff.state')}</th>
            {may(me.role, 'factor.reset') && <th scope="col">{t('factor.title')}</th>}
            {may(me.role, 'staff.role') && <th scope="col">{t('manage.go')}</th>}
            <th scope="col">{t('staff.since')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.account}>
              <th scope="row">
                <bdi>{one.display_name}</bdi>
              </th>
              <td data-label={t('staff.email')}>
                <bdi>{one.email}</bdi>
              </td>
              <td data-label={t('staff.role')}>
                {t(`role.${one.role}` as Key)}
                {several && (
                  <p className="quiet-text">
                    <SiteNames ids={one.sites} sites={sites.data ?? []} />
                  </p>
                )}
              </td>
              <td data-label={t('staff.state')}>
                <span className={`tag ${one.locked ? 'bad' : one.state}`}>
                  {one.locked ? t('staff.locked') : t(`staff_state.${one.state}` as Key)}
                </span>
                {one.locked && may(me.role, 'staff.unlock') && (
                  <Button
                    look="quiet"
                    aria-label={`${t('staff.unlock')}: ${one.display_name}`}
                    busy={unlock.isPending}
                    onClick={() => unlock.mutate(one.account)}
                  >
                    {t('staff.unlock')}
                  </Button>
                )}
              </td>
              {may(me.role, 'factor.reset') && (
                <td>{one.account !== me.account && one.state === 'active' && <ResetFactor one={one} />}</td>
              )}
              {may(me.role, 'staff.role') && (
                <td>{one.account !== me.account && <Manage one={one} changed={look} />}</td>
              )}
              <td data-label={t('staff.since')}>{date(one.created_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
