// The own record to read and to print, and the ways to have it put right.
import { Link } from 'wouter';
import type { Me } from '../../clinic/me.ts';
import { displayName } from '../../clinic/person/names.ts';
import { RecordFacts } from '../../clinic/person/record-facts.tsx';
import { usePatient } from '../../clinic/person/use-patient.ts';
import { my } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { isAnothers, isGiven, useOwnRecords, useTold } from '../own-records.tsx';

export function Record({ id }: { id: string }) {
  const { t } = useText();
  const me = useMe<Me>();
  const told = useTold();
  const { chosen } = useOwnRecords();
  const read = usePatient(id);
  const tab = told('ways.record');
  if (read.isError || !read.data) {
    return (
      <Page title={tab}>
        {read.isError ? <Failure error={read.error} retry={() => void read.refetch()} /> : <Loading lines={8} />}
      </Page>
    );
  }
  const patient = read.data.data;
  const name = displayName(patient.names ?? []);
  return (
    <Page
      key={id}
      title={<bdi>{name}</bdi>}
      tab={tab}
      actions={
        <>
          <Button onClick={() => window.print()}>{t('record.print')}</Button>
          {chosen && isGiven(chosen, 'corrections') && (
            <Link className="button" href={my.corrections(id)}>
              {t('ways.corrections')}
            </Link>
          )}
          {chosen && isGiven(chosen, 'record', 'corrections') && (
            <Link className="button primary" href={my.contact(id)}>
              {told('ways.contact')}
            </Link>
          )}
        </>
      }
    >
      <RecordFacts patient={patient} reader={isAnothers(chosen) ? me.email : name} />
    </Page>
  );
}
