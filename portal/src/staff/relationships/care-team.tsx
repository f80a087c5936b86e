// Who treats a patient: the team with its dates, who joins it, and who leaves it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { careTeamLeave, careTeamRead, type MemberView } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { Join } from './join.tsx';

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
    await queries.invalidateQueries({ queryKey: ['care-team', patient] });
    setSaid(words);
  };
  return (
    <Page title={t('team.title')} above={<Back to={clinic.patient(patient)} label={t('record.title')} />}>
      {said && <Notice kind="good" title={t(said)} />}
      {team.isPending && <Loading lines={4} />}
      {team.isError && <Failure error={team.error} retry={() => void team.refetch()} />}
      {team.data?.length === 0 && <Empty title={t('team.none')} />}
      {team.data && team.data.length > 0 && <Members {...{ patient, members: team.data, left: look }} />}
      {team.data && may(me.role, 'care_team.join') && <Join patient={patient} team={team.data} joined={look} />}
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
  const { attempt, busy, failed } = useAttempt();
  const end = () =>
    attempt(async () => {
      await call(careTeamLeave, { path: { id: patient }, body: { account: one.account } });
      setAsking(false);
      await left('team.left');
    });
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
        {failed}
      </Confirm>
    </>
  );
}
