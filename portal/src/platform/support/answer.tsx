// What a clinic's region answered to a look: numbers and words of the system.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { call } from '../../api/call.ts';
import {
  type LookView,
  type SupportAccounts,
  type SupportJobs,
  type SupportSettings,
  type SupportState,
  supportAnswer,
} from '../../api/platform.gen.ts';
import { useText } from '../../text/text.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';

export function Answer({ grant, look }: { grant: string; look: string }) {
  const found = useQuery({
    queryKey: ['support', grant, look],
    queryFn: async ({ signal }) => (await call(supportAnswer, { path: { id: grant, look }, signal })).data,
  });
  if (found.isPending) return <Loading lines={2} />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return <Shown answer={found.data} />;
}

function Shown({ answer }: { answer: LookView }) {
  return (
    <>
      {answer.settings && <Settings settings={answer.settings} />}
      {answer.accounts && <Accounts lines={answer.accounts} />}
      {answer.work && <Jobs lines={answer.work} />}
      {answer.upkeep && <State state={answer.upkeep} />}
    </>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function useSeconds() {
  const { t, number } = useText();
  return (seconds: number) => t('support.seconds', { count: number(seconds) });
}

function Settings({ settings }: { settings: SupportSettings }) {
  const { t, number } = useText();
  const seconds = useSeconds();
  const own = (value: number | null | undefined) => (value == null ? t('support.as_the_region') : seconds(value));
  return (
    <dl>
      <Fact label={t('region.law')}>{settings.jurisdiction}</Fact>
      <Fact label={t('support.session_idle')}>{own(settings.session_idle_s)}</Fact>
      <Fact label={t('support.session_absolute')}>{own(settings.session_absolute_s)}</Fact>
      <Fact label={t('support.direct_imaging')}>{t(settings.direct_imaging ? 'support.yes' : 'support.no')}</Fact>
      <Fact label={t('support.sites')}>{number(settings.sites)}</Fact>
    </dl>
  );
}

function Accounts({ lines }: { lines: SupportAccounts[] }) {
  const { t, number } = useText();
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('support.role')}</th>
          <th scope="col">{t('tenant.state')}</th>
          <th scope="col">{t('support.count')}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={`${line.role} ${line.state}`}>
            <th scope="row">
              <code>{line.role}</code>
            </th>
            <td data-label={t('tenant.state')}>
              <code>{line.state}</code>
            </td>
            <td data-label={t('support.count')}>{number(line.accounts)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Jobs({ lines }: { lines: SupportJobs[] }) {
  const { t, number } = useText();
  if (lines.length === 0) return <p>{t('support.no_jobs')}</p>;
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('support.job')}</th>
          <th scope="col">{t('support.code')}</th>
          <th scope="col">{t('support.count')}</th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr key={`${line.job} ${line.code ?? ''}`}>
            <th scope="row">
              <code>{line.job}</code>
            </th>
            <td data-label={t('support.code')}>{line.code ? <code>{line.code}</code> : t('support.queued')}</td>
            <td data-label={t('support.count')}>{number(line.jobs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function State({ state }: { state: SupportState }) {
  const { t, number } = useText();
  const seconds = useSeconds();
  return (
    <dl>
      <Fact label={t('support.schema')}>{number(state.schema_version)}</Fact>
      <Fact label={t('tenant.epoch')}>{number(state.epoch)}</Fact>
      <Fact label={t('support.log_waiting')}>{number(state.log_waiting)}</Fact>
      <Fact label={t('support.log_lag')}>{seconds(state.log_lag_s)}</Fact>
      <Fact label={t('support.log_sealed')}>
        {state.log_sealed_s == null ? t('support.never') : seconds(state.log_sealed_s)}
      </Fact>
      {state.keys.map((key) => (
        <Fact key={`${key.purpose} ${key.version}`} label={t('support.key', { purpose: key.purpose })}>
          <code>
            {key.version} {key.state}
          </code>
        </Fact>
      ))}
    </dl>
  );
}
