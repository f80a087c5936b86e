// Putting a colleague into a care team, chosen by name.
import { useQuery } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type ColleagueView, careTeamJoin, colleagueList, type MemberView } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Field, Select } from '../../ui/field.tsx';

/** Colleagues of a page, and pages that are asked for: a clinic where more people treat chooses among the first of them. */
const PAGE_ITEMS = 100;
const PAGES_MAX = 10;

async function everybody(signal: AbortSignal): Promise<ColleagueView[]> {
  const found: ColleagueView[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { data } = await call(colleagueList, { query: { limit: PAGE_ITEMS, cursor }, signal });
    found.push(...data.items);
    cursor = data.next_cursor ?? undefined;
    if (!cursor) break;
  }
  return found;
}

interface Props {
  patient: string;
  /** Who is on the team already. */
  team: MemberView[];
  joined: (words: 'team.joined') => Promise<void>;
}

export function Join({ patient, team, joined }: Props) {
  const { t, language } = useText();
  const colleagues = useQuery({ queryKey: ['colleagues'], queryFn: ({ signal }) => everybody(signal) });
  const members = new Set(team.filter((one) => !one.until).map((one) => one.account));
  const left = (colleagues.data ?? [])
    .filter((one) => !members.has(one.account))
    .sort((one, other) => one.display_name.localeCompare(other.display_name, language));
  return (
    <section className="panel" aria-label={t('team.add')}>
      <h2>{t('team.add')}</h2>
      {colleagues.isPending && <Loading lines={2} />}
      {colleagues.isError && <Failure error={colleagues.error} retry={() => void colleagues.refetch()} />}
      {colleagues.isSuccess && left.length === 0 && <p className="quiet-text">{t('team.nobody_left')}</p>}
      {left.length > 0 && <JoinForm patient={patient} colleagues={left} joined={joined} />}
    </section>
  );
}

/** Those who can be on a team (app/src/access/policy.rs), in the order in which they are shown. */
const ROLES = ['physician', 'nurse'] as const;
/** A name is of no language that is known, and stays as it is written. */
const NO_LANGUAGE = '';

function Group({ role, colleagues }: { role: (typeof ROLES)[number]; colleagues: ColleagueView[] }) {
  const { t } = useText();
  if (colleagues.length === 0) return null;
  return (
    <optgroup label={t(`role.${role}`)}>
      {colleagues.map((one) => (
        <option key={one.account} value={one.account} dir="auto" lang={NO_LANGUAGE}>
          {one.display_name}
        </option>
      ))}
    </optgroup>
  );
}

interface FormProps {
  patient: string;
  colleagues: ColleagueView[];
  joined: Props['joined'];
}

function JoinForm({ patient, colleagues, joined }: FormProps) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { account: '', until: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ account, until }) => {
    const body = { account, ...(until && { until: new Date(until).toISOString() }) };
    await attempt(async () => {
      await call(careTeamJoin, { path: { id: patient }, body });
      form.reset();
      await joined('team.joined');
    }, form);
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <div className="grid">
        <Select
          label={t('team.colleague')}
          hint={t('team.colleague_hint')}
          fault={errors.account && (errors.account.message || t('fault.required'))}
          {...form.register('account', { required: true })}
        >
          <option value="">{t('team.choose')}</option>
          {ROLES.map((role) => (
            <Group key={role} role={role} colleagues={colleagues.filter((one) => one.role === role)} />
          ))}
        </Select>
        <Field
          label={t('team.until')}
          optional={t('optional')}
          type="datetime-local"
          fault={errors.until?.message}
          {...form.register('until')}
        />
      </div>
      <div className="actions">
        <Button type="submit" busy={isSubmitting}>
          {t('team.go')}
        </Button>
      </div>
    </form>
  );
}
