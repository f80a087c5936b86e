// Events of the log in a table, and the receipt of each as a file.
import { useState } from 'react';
import { callText } from '../../api/call.ts';
import { auditReceipt, type EventView } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { save } from '../../ui/save.ts';
import { told } from './told.ts';

export function EventTable({ events }: { events: EventView[] }) {
  const { t, has, moment } = useText();
  const outcome = (code: string) => {
    const key = `audit_outcome.${code}`;
    return has(key) ? t(key) : code;
  };
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('audit.when')}</th>
          <th scope="col">{t('audit.what')}</th>
          <th scope="col">{t('audit.who')}</th>
          <th scope="col">{t('audit.outcome')}</th>
          <th scope="col">{t('audit.receipt')}</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <tr key={event.id}>
            <th scope="row">{moment(event.occurred_at)}</th>
            <td data-label={t('audit.what')}>
              {told(event, { t, has })}
              <br />
              <code className="quiet-text">{event.action}</code>
            </td>
            <td data-label={t('audit.who')}>
              <code>{event.actor ?? event.platform_person ?? event.actor_kind}</code>
              {event.approved_by && (
                <>
                  <br />
                  <span className="quiet-text">
                    {t('audit.approved_by')} <code>{event.approved_by}</code>
                  </span>
                </>
              )}
            </td>
            <td data-label={t('audit.outcome')}>
              <span className={`tag ${event.outcome === 'allow' ? 'done' : 'bad'}`}>{outcome(event.outcome)}</span>
            </td>
            <td>
              <Receipt event={event} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Receipt({ event }: { event: EventView }) {
  const { t, moment } = useText();
  const [waits, setWaits] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const get = () =>
    attempt(async () => {
      const text = await callText(auditReceipt, { id: event.id });
      setWaits(text === undefined);
      if (text !== undefined) save(text, `receipt-${event.id}.txt`, 'text/plain');
    });
  return (
    <>
      <Button
        look="quiet"
        busy={busy}
        aria-label={t('audit.receipt_of', { what: event.action, when: moment(event.occurred_at) })}
        onClick={() => void get()}
      >
        {t('audit.receipt')}
      </Button>
      {waits && <Notice kind="info" title={t('audit.not_sealed')} />}
      {failed}
    </>
  );
}
