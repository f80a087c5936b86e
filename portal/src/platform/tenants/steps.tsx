// The steps of a clinic's onboarding or end, as its region reports them.
import { type Key, useText } from '../../text/text.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { useSteps } from '../queries.ts';

export function Steps({ id, live }: { id: string; live: boolean }) {
  const { t, has, moment, number } = useText();
  const steps = useSteps(id, live);
  return (
    <section className="panel" aria-busy={live}>
      <h2>{t('tenant.steps')}</h2>
      {steps.isPending && <Loading lines={3} />}
      {steps.isError && <Failure error={steps.error} retry={() => void steps.refetch()} />}
      {steps.data?.length === 0 && <p className="quiet-text">{t('tenant.no_steps')}</p>}
      {steps.data && steps.data.length > 0 && (
        <ol className="steps">
          {steps.data.map((step) => {
            const task = `step_task.${step.task}`;
            return (
              <li key={`${step.task} ${step.step}`} className={step.state}>
                <span className="step-name">
                  {has(task) ? t(task as Key) : step.task}: <code>{step.step}</code>
                </span>
                <span className={`tag ${step.state}`}>
                  {t(`step_state.${step.state}` as Key)}
                  {step.code ? ` · ${step.code}` : ''}
                </span>
                <span className="quiet-text">
                  {t('step.attempts')}: {number(step.attempts)}
                  {step.changed_at ? ` · ${moment(step.changed_at)}` : ''}
                </span>
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}
