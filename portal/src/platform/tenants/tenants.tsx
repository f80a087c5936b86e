// Every clinic of the platform: where it lives and what state it is in.
import { Link } from 'wouter';
import type { SessionView } from '../../api/platform.gen.ts';
import { console_ } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { useTenants } from '../queries.ts';

export function Tenants() {
  const { t, date, number } = useText();
  const me = useMe<SessionView>();
  const tenants = useTenants();
  return (
    <Page
      title={t('tenants.title')}
      actions={
        me.role !== 'support' && (
          <Link className="button primary" href={console_.onboard}>
            {t('tenants.onboard')}
          </Link>
        )
      }
    >
      {tenants.isPending && <Loading lines={6} />}
      {tenants.isError && <Failure error={tenants.error} retry={() => void tenants.refetch()} />}
      {tenants.data?.length === 0 && <Empty title={t('tenants.none')} />}
      {tenants.data && tenants.data.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('tenant.slug')}</th>
              <th scope="col">{t('tenant.legal_name')}</th>
              <th scope="col">{t('tenant.region')}</th>
              <th scope="col">{t('tenant.shard')}</th>
              <th scope="col">{t('tenant.state')}</th>
              <th scope="col">{t('tenant.since')}</th>
            </tr>
          </thead>
          <tbody>
            {tenants.data.map((tenant) => (
              <tr key={tenant.id}>
                <th scope="row">
                  <Link href={console_.tenant(tenant.id)}>{tenant.slug}</Link>
                </th>
                <td data-label={t('tenant.legal_name')}>
                  <bdi>{tenant.legal_name}</bdi>
                </td>
                <td data-label={t('tenant.region')}>
                  <code>{tenant.region}</code>
                </td>
                <td data-label={t('tenant.shard')}>{number(tenant.shard)}</td>
                <td data-label={t('tenant.state')}>
                  <span className={`tag ${tenant.state}`}>{t(`tenant_state.${tenant.state}` as Key)}</span>
                </td>
                <td data-label={t('tenant.since')}>{date(tenant.created_at)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Page>
  );
}
