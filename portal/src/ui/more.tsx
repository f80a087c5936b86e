// The end of a list that comes by pages: asking for the next one, what went wrong with that, and that paper has no more.
import { useText } from '../text/text.tsx';
import { Button } from './button.tsx';
import { Failure } from './feedback.tsx';

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => Promise<unknown>;
}

export function More({ pages }: { pages: Pages }) {
  const { t } = useText();
  if (!pages.hasNextPage) return null;
  const next = () => void pages.fetchNextPage();
  return (
    <>
      {/* What has come stays, and the failure stands where somebody pressed. */}
      {pages.isFetchNextPageError && !pages.isFetchingNextPage ? (
        <Failure error={pages.error} retry={next} />
      ) : (
        <div className="more">
          <Button busy={pages.isFetchingNextPage} onClick={next}>
            {t('more')}
          </Button>
        </div>
      )}
      <p className="print-only">{t('more_unprinted')}</p>
    </>
  );
}
