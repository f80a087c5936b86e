// What patients ask to be put right: everything in reach that waits for an answer, and all that one patient asked for.
import { type InfiniteData, type UseInfiniteQueryResult, useInfiniteQuery } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { type CorrectionPage, correctionList, correctionWaiting } from '../../api/clinic.gen.ts';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Empty, Failure, Loading } from '../../ui/feedback.tsx';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { Requests } from './requests.tsx';

const next = {
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last: CorrectionPage) => last.next_cursor ?? undefined,
};

export function WaitingCorrections() {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['corrections', 'waiting'],
    queryFn: async ({ pageParam, signal }) =>
      (await call(correctionWaiting, { query: { cursor: pageParam }, signal })).data,
    ...next,
  });
  return (
    <Page title={t('waiting.title')}>
      <p>{t('waiting.text')}</p>
      <List pages={pages} ways="to-records" none={t('waiting.none')} />
    </Page>
  );
}

export function PatientCorrections({ patient }: { patient: string }) {
  const { t } = useText();
  const pages = useInfiniteQuery({
    queryKey: ['corrections', patient],
    queryFn: async ({ pageParam, signal }) =>
      (await call(correctionList, { path: { id: patient }, query: { cursor: pageParam }, signal })).data,
    ...next,
  });
  return (
    <Page title={t('waiting.of_patient')} above={<Back to={clinic.patient(patient)} label={t('record.title')} />}>
      <List pages={pages} ways="none" none={t('waiting.of_patient_none')} />
    </Page>
  );
}

interface ListProps {
  pages: UseInfiniteQueryResult<InfiniteData<CorrectionPage>>;
  ways: 'to-records' | 'none';
  none: string;
}

function List({ pages, ways, none }: ListProps) {
  const items = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const look = async () => void (await pages.refetch());
  return (
    <>
      {pages.isPending && <Loading lines={4} />}
      {pages.isError && !pages.isFetchNextPageError && <Failure error={pages.error} retry={() => void look()} />}
      {pages.isSuccess && <Requests items={items} ways={ways} look={look} />}
      {pages.isSuccess && items.length === 0 && <Empty title={none} />}
      <More pages={pages} />
    </>
  );
}
