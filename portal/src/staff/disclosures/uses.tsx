// Who used a patient's record and to whom it was given, for who answers for it; and writing down that data were given.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Disclosure, givenKey, Looks, useGiven, useLooks } from '../../clinic/access/lists.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { PrintHead } from '../../clinic/print-head.tsx';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { RecordDisclosure } from './record-disclosure.tsx';

export default function Uses({ patient }: { patient: string }) {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const [done, setDone] = useState(false);
  const reads = may(me.role, 'audit.access_report');
  return (
    <Page
      title={t(reads ? 'uses.title' : 'uses.only_given')}
      above={<Back to={clinic.patient(patient)} label={t('record.title')} />}
      actions={reads && <Button onClick={() => window.print()}>{t('record.print')}</Button>}
    >
      {reads && (
        <PrintHead
          reader={me.display_name}
          about={
            <>
              {t('audit.patient')}: <code>{patient}</code>
            </>
          }
        />
      )}
      {reads && <p>{t('uses.text')}</p>}
      {done && <Notice kind="good" title={t('given.done')} />}
      {may(me.role, 'disclosure.record') && (
        <RecordDisclosure
          patient={patient}
          begun={() => setDone(false)}
          recorded={async () => {
            await queries.invalidateQueries({ queryKey: givenKey(patient) });
            setDone(true);
          }}
        />
      )}
      {may(me.role, 'disclosure.list') && <Given patient={patient} />}
      {reads && <Report patient={patient} />}
    </Page>
  );
}

function Given({ patient }: { patient: string }) {
  const { t, date, moment } = useText();
  const pages = useGiven(patient);
  const given = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const incomplete = pages.data?.pages.some((page) => !page.complete);
  return (
    <section className="panel" aria-label={t('uses.given')}>
      <h2>{t('uses.given')}</h2>
      <p>{t('uses.given_text')}</p>
      {pages.isPending && <Loading lines={2} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {incomplete && <Notice kind="warn" title={t('uses.incomplete')} />}
      {pages.isSuccess && given.length === 0 && <p className="quiet-text">{t('uses.given_none')}</p>}
      {given.length > 0 && (
        <ul className="rows">
          {given.map((one) => (
            <Disclosure key={one.id} one={one}>
              <br />
              <span className="quiet-text">
                {t('uses.recorded', { when: moment(one.recorded_at) })} <code>{one.recorded_by}</code>
                {one.withheld_until && (
                  <>
                    <br />
                    {t('uses.withheld', { date: date(one.withheld_until) })}
                  </>
                )}
              </span>
            </Disclosure>
          ))}
        </ul>
      )}
      <More pages={pages} />
    </section>
  );
}

function Report({ patient }: { patient: string }) {
  const { t } = useText();
  const pages = useLooks(patient);
  const lines = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section className="panel" aria-label={t('uses.looks')}>
      <h2>{t('uses.looks')}</h2>
      {pages.isPending && <Loading lines={6} />}
      {pages.isError && !pages.isFetchNextPageError && (
        <Failure error={pages.error} retry={() => void pages.refetch()} />
      )}
      {pages.isSuccess && lines.length === 0 && <p className="quiet-text">{t('uses.none')}</p>}
      {lines.length > 0 && <Looks lines={lines} />}
      <More pages={pages} />
    </section>
  );
}
