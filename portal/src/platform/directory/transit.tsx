// The transit matrix: what each region's front door does with connections for clinics at home elsewhere.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { type RegionBody, regionTransit } from '../../api/platform.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Select } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { useRegions } from '../queries.ts';

export function Transit() {
  const { t } = useText();
  const regions = useRegions();
  return (
    <Page title={t('transit.title')}>
      <p className="lead">{t('transit.text')}</p>
      {regions.isPending && <Loading />}
      {regions.isError && <Failure error={regions.error} retry={() => void regions.refetch()} />}
      {regions.data && <Matrix regions={regions.data} />}
      {regions.data && <Settings regions={regions.data} />}
    </Page>
  );
}

function useRegionName() {
  const { t, has } = useText();
  return (name: string) => (has(`region.${name}`) ? t(`region.${name}` as Key) : name);
}

function Matrix({ regions }: { regions: RegionBody[] }) {
  const { t } = useText();
  const nameOf = useRegionName();
  return (
    <div className="scroll">
      <table className="table matrix">
        <thead>
          <tr>
            <th scope="col">
              {t('transit.from')} ↓ · {t('transit.home')} →
            </th>
            {regions.map((home) => (
              <th scope="col" key={home.name}>
                {nameOf(home.name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {regions.map((from) => (
            <tr key={from.name}>
              <th scope="row">{nameOf(from.name)}</th>
              {regions.map((home) => {
                const verdict = from.name === home.name ? 'serve' : home.transit;
                return (
                  <td key={home.name} data-label={nameOf(home.name)}>
                    <span className={`tag ${verdict === 'serve' ? 'active' : verdict === 'refuse' ? 'bad' : ''}`}>
                      {t(`transit.${verdict}` as Key)}
                    </span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Settings({ regions }: { regions: RegionBody[] }) {
  const { t } = useText();
  const nameOf = useRegionName();
  const queries = useQueryClient();
  const set = useMutation({
    mutationFn: ({ name, transit }: { name: string; transit: string }) =>
      call(regionTransit, { path: { name }, body: { transit } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['regions'] }),
  });
  return (
    <section className="panel">
      {regions.map((region) => (
        <Select
          key={region.name}
          label={t('transit.set', { region: nameOf(region.name) })}
          value={region.transit}
          disabled={set.isPending}
          onChange={(event) => set.mutate({ name: region.name, transit: event.target.value })}
        >
          <option value="passthrough">{t('transit.passthrough')}</option>
          <option value="refuse">{t('transit.refuse')}</option>
        </Select>
      ))}
      {set.isError && <Failure error={set.error} />}
    </section>
  );
}
