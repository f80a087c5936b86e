// Where a colleague works, which decides whose records the desk, the laboratory and billing reach.
import { useForm } from 'react-hook-form';
import type { SiteView, StaffView } from '../../api/clinic.gen.ts';
import { SiteChoice } from '../../clinic/sites/choice.tsx';
import { choosable } from '../../clinic/sites/choosable.ts';
import { useSites } from '../../clinic/sites/use-sites.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';

/** Most sites that are named beside a colleague; of more their number is said. */
const NAMED_MAX = 3;

/** The names of somebody's sites in a line. */
export function SiteNames({ ids, sites }: { ids: string[]; sites: SiteView[] }) {
  const { t, number } = useText();
  if (ids.length > NAMED_MAX) return t('staff.sites_count', { count: number(ids.length) });
  const names = sites.filter(({ id }) => ids.includes(id)).map(({ name }) => name);
  return <bdi>{names.join(' · ') || '–'}</bdi>;
}

interface Props {
  one: StaffView;
  busy: boolean;
  give: (sites: string[]) => Promise<void>;
}

export function AtSites({ one, busy, give }: Props) {
  const sites = useSites();
  if (sites.isPending) return <Loading lines={2} />;
  if (sites.isError) return <Failure error={sites.error} retry={() => void sites.refetch()} />;
  return <AtSitesForm {...{ one, busy, give }} sites={sites.data} />;
}

function AtSitesForm({ one, busy, give, sites }: Props & { sites: SiteView[] }) {
  const { t } = useText();
  const form = useForm({ defaultValues: { sites: one.sites } });
  const submit = form.handleSubmit(({ sites: chosen }) => give(chosen));
  return (
    <form onSubmit={submit} noValidate className="stack">
      <SiteChoice
        sites={choosable(sites, one.sites)}
        legend={t('manage.sites')}
        fault={form.formState.errors.sites && t('fault.one_site')}
        field={form.register('sites', { required: true })}
      />
      <p className="hint">{t('manage.sites_hint')}</p>
      <div className="actions">
        <Button type="submit" busy={busy}>
          {t('manage.sites_go')}
        </Button>
      </div>
    </form>
  );
}
