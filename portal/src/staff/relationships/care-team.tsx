// Who treats a patient: the team with its dates, who joins it, and who leaves it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import { careTeamJoin, careTeamLeave, careTeamRead, type MemberView } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';

export function CareTeam({ patient }: { patient: string }) {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const [said, setSaid] = useState<'team.joined' | 'team.left'>();
  const team = useQuery({
    queryKey: ['care-team', patient],
    queryFn: async ({ signal }) => (await call(careTeamRead, { path: { id: patient }, signal })).data.items,
  });
  const look = async (words: 'team.joined' | 'team.left') => {
    setSaid(words);
    await queries.invalidateQueries({ queryKey: ['care-team', patient] });
  };
  return (
    <Page title={t('team.title')} above={<Back to={clinic.patient(patient)} label={t('record.title')} />}>
      {said && <Notice kind="good" title={t(said)} />}
      {team.isPending && <Loading lines={4} />}
      {team.isError && <Failure error={team.error} retry={() => void team.refetch()} />}
      {team.data?.length === 0 && <Empty title={t('team.none')} />}
      {team.data && team.data.length > 0 && <Members {...{ patient, members: team.data, left: look }} />}
      {team.data && may(me.role, 'care_team.join') && <Join patient={patient} joined={look} />}
    </Page>
  );
}

interface MembersProps {
  patient: string;
  members: MemberView[];
  left: (words: 'team.left') => Promise<void>;
}

function Members({ patient, members, left }: MembersProps) {
  const { t, moment } = useText();
  const me = useMe<Me>();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('staff.name')}</th>
          <th scope="col">{t('staff.role')}</th>
          <th scope="col">{t('team.from')}</th>
          <th scope="col">{t('team.until')}</th>
          {may(me.role, 'care_team.leave') && (
            <th scope="col">
              <span className="visually-hidden">{t('document.do')}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {members.map((one) => (
          <tr key={`${one.account} ${one.from}`}>
            <th scope="row">
              <bdi>{one.display_name}</bdi>
            </th>
            <td data-label={t('staff.role')}>{t(`role.${one.role}`)}</td>
            <td data-label={t('team.from')}>{moment(one.from)}</td>
            <td data-label={t('team.until')}>{one.until ? moment(one.until) : '–'}</td>
            {may(me.role, 'care_team.leave') && (
              <td>
                <Leave {...{ patient, one, left }} />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Leave({ patient, one, left }: { patient: string; one: MemberView; left: MembersProps['left'] }) {
  const { t } = useText();
  const me = useMe<Me>();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const end = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      await call(careTeamLeave, { path: { id: patient }, body: { account: one.account } });
      setAsking(false);
      await left('team.left');
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  return (
    <>
      <Button look="quiet" aria-label={`${t('team.end')}: ${one.display_name}`} onClick={() => setAsking(true)}>
        {t('team.end')}
      </Button>
      <Confirm
        open={asking}
        title={t('team.end_title', { name: one.display_name })}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" busy={busy} onClick={() => void end()}>
              {t('team.end')}
            </Button>
          </>
        }
      >
        <p>{t(one.account === me.account ? 'team.end_own_text' : 'team.end_text')}</p>
        {failure !== undefined && <Failure error={failure} />}
      </Confirm>
    </>
  );
}

function Join({ patient, joined }: { patient: string; joined: (words: 'team.joined') => Promise<void> }) {
  const { t } = useText();
  const faults = useFaults();
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { account: '', until: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ account, until }) => {
    setFailure(undefined);
    const body = { account: account.trim(), ...(until && { until: new Date(until).toISOString() }) };
    try {
      await call(careTeamJoin, { path: { id: patient }, body });
      form.reset();
      await joined('team.joined');
    } catch (error) {
      if (!(error instanceof CallError && faults.put(form, error))) setFailure(error);
    }
  });
  return (
    <section className="panel" aria-label={t('team.add')}>
      <h2>{t('team.add')}</h2>
      <form onSubmit={submit} noValidate className="stack">
        {failure !== undefined && <Failure error={failure} />}
        <div className="grid">
          <Field
            label={t('team.account')}
            hint={t('team.account_hint')}
            maxLength={60}
            fault={errors.account && (errors.account.message || t('fault.required'))}
            {...form.register('account', { required: true })}
          />
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
    </section>
  );
}
