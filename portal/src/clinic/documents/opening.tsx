// Opening a document: pictures are looked at in a dialog, PDFs in a tab of their own, and everything can be saved.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { DocumentView, MediaType } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { linkTo, saveDocument, showInTab } from './link.ts';

/** What every browser shows; the server hands out anything else to be saved only. */
const PICTURES: MediaType[] = ['image/png', 'image/jpeg'];

interface Props {
  one: DocumentView;
  look: 'plain' | 'quiet';
}

export function Opening(props: Props) {
  const { media_type } = props.one;
  return (
    <>
      {PICTURES.includes(media_type) && <ViewPicture {...props} />}
      {media_type === 'application/pdf' && <ViewInTab {...props} />}
      <Save {...props} />
    </>
  );
}

function Save({ one, look }: Props) {
  const { t } = useText();
  const { attempt, busy, failed } = useAttempt();
  const save = () => attempt(() => saveDocument(one.id));
  return (
    <>
      <Button look={look} busy={busy} aria-label={`${t('document.save')}: ${one.title}`} onClick={() => void save()}>
        {t('document.save')}
      </Button>
      {failed}
    </>
  );
}

function ViewInTab({ one, look }: Props) {
  const { t } = useText();
  const { attempt, busy, failed } = useAttempt();
  const show = () => attempt(() => showInTab(one.id));
  const label = `${t('document.view')}: ${one.title} (${t('document.new_tab')})`;
  return (
    <>
      <Button look={look} busy={busy} aria-label={label} onClick={() => void show()}>
        {t('document.view')}
      </Button>
      {failed}
    </>
  );
}

function ViewPicture({ one, look }: Props) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look={look} aria-label={`${t('document.view')}: ${one.title}`} onClick={() => setOpen(true)}>
        {t('document.view')}
      </Button>
      <Sheet wide open={open} close={() => setOpen(false)} title={one.title}>
        {open && <Picture one={one} />}
      </Sheet>
    </>
  );
}

function Picture({ one }: Pick<Props, 'one'>) {
  const link = useQuery({
    queryKey: ['document', one.id, 'picture'],
    queryFn: ({ signal }) => linkTo(one.id, 'inline', signal),
    // Used up by the picture that is shown; another one is made when somebody asks for it.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnReconnect: false,
  });
  const again = () => void link.refetch();
  if (link.isPending) return <Loading lines={6} />;
  if (link.isError) return <Failure error={link.error} retry={again} />;
  return <Shown key={link.data} url={link.data} title={one.title} again={again} />;
}

/** The picture behind a link. Another link is another element, so that nothing is asked for twice. */
function Shown({ url, title, again }: { url: string; title: string; again: () => void }) {
  const { t } = useText();
  const [state, setState] = useState<'coming' | 'there' | 'failed'>('coming');
  if (state === 'failed') {
    return (
      <Notice kind="bad" title={t('document.not_shown')}>
        <Button onClick={again}>{t('retry')}</Button>
      </Notice>
    );
  }
  return (
    <>
      {state === 'coming' && <Loading lines={6} />}
      <img
        className="picture"
        hidden={state === 'coming'}
        src={url}
        alt={t('document.picture_of', { title })}
        referrerPolicy="no-referrer"
        onLoad={() => setState('there')}
        onError={() => setState('failed')}
      />
    </>
  );
}
