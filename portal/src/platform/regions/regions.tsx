// Regions on a map and in a table, each with its health, its shards, how full they are and how they are.
import type { RegionView, ShardView } from '../../api/platform.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { HEALTH_MS, useRegions, useShards } from '../queries.ts';
import { Ago, HealthTag } from './health-tag.tsx';
import { RegionMap } from './region-map.tsx';

export function Regions() {
  const { t } = useText();
  const regions = useRegions(HEALTH_MS);
  const shards = useShards();
  return (
    <Page title={t('regions.title')}>
      {(regions.isPending || shards.isPending) && <Loading lines={6} />}
      {regions.isError && <Failure error={regions.error} retry={() => void regions.refetch()} />}
      {shards.isError && <Failure error={shards.error} retry={() => void shards.refetch()} />}
      {regions.data && shards.data && <Overview regions={regions.data} shards={shards.data} />}
    </Page>
  );
}

function Overview({ regions, shards }: { regions: RegionView[]; shards: ShardView[] }) {
  const { t } = useText();
  if (regions.length === 0) return <Empty title={t('regions.none')} />;
  return (
    <>
      <p className="lead">{t('health.text')}</p>
      <RegionMap regions={regions} shards={shards} />
      <div className="columns roomy">
        {regions.map((region) => (
          <RegionPanel
            key={region.name}
            region={region}
            shards={shards.filter((shard) => shard.region === region.name)}
          />
        ))}
      </div>
    </>
  );
}

function RegionPanel({ region, shards }: { region: RegionView; shards: ShardView[] }) {
  const { t, has, country, number } = useText();
  const name = `region.${region.name}`;
  const label = has(name) ? t(name as Key) : region.name;
  return (
    <section className="panel" aria-label={`${label} ${region.name}`}>
      <h2>
        {label} <code className="quiet-text">{region.name}</code>
      </h2>
      <dl className="inline">
        <div className="fact">
          <dt>{t('health.title')}</dt>
          <dd>
            <HealthTag word={region.health} />
          </dd>
        </div>
        <div className="fact">
          <dt>{t('region.law')}</dt>
          <dd>{country(region.jurisdiction)}</dd>
        </div>
        <div className="fact">
          <dt>{t('region.code')}</dt>
          <dd>
            <code>.{region.code}.</code>
          </dd>
        </div>
      </dl>
      {shards.length === 0 ? (
        <p className="quiet-text">{t('regions.no_shards')}</p>
      ) : (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t('shard.id')}</th>
              <th scope="col">{t('shard.load')}</th>
              <th scope="col">{t('health.title')}</th>
              <th scope="col">{t('shard.state')}</th>
            </tr>
          </thead>
          <tbody>
            {shards.map((shard) => (
              <tr key={shard.id}>
                <th scope="row">{number(shard.id)}</th>
                <td data-label={t('shard.load')}>
                  <meter
                    min={0}
                    max={shard.tenants_max}
                    value={shard.tenants}
                    aria-label={`${t('shard.name', { id: shard.id })}: ${t('shard.load')}`}
                  />{' '}
                  {t('shard.of', { tenants: number(shard.tenants), max: number(shard.tenants_max) })}
                </td>
                <td data-label={t('health.title')}>
                  <HealthTag word={shard.health} />{' '}
                  <span className="quiet-text">
                    <Ago seconds={shard.checked_s} />
                  </span>
                </td>
                <td data-label={t('shard.state')}>
                  <span className={`tag ${shard.open ? 'active' : 'pending'}`}>
                    {t(shard.open ? 'shard.open' : 'shard.closed')}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
