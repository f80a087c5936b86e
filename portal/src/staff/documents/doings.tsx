// What can be done with one document: opening it, correcting its words, replacing it, taking it out.
import { useState } from 'react';
import { call, isStale, versionTag } from '../../api/call.ts';
import { type DocumentView, documentDelete } from '../../api/clinic.gen.ts';
import { Opening } from '../../clinic/documents/opening.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { CorrectDocument } from './correct-document.tsx';
import { kindsOf } from './kinds.ts';
import { ReplaceDocument } from './replace-document.tsx';

export interface DoingProps {
  one: DocumentView;
  changed: (words?: Key) => Promise<void>;
}

export function Doings({ one, changed }: DoingProps) {
  const me = useMe<Me>();
  const readable = one.state === 'current' || one.state === 'superseded';
  const there = one.state !== 'deleted' && one.state !== 'purged';
  const writes = kindsOf(me.role).includes(one.kind) && there;
  return (
    <div className="actions">
      {readable && may(me.role, 'document.link') && <Opening one={one} look="quiet" />}
      {writes && may(me.role, 'document.update') && <CorrectDocument {...{ one, changed }} />}
      {writes && one.state === 'current' && may(me.role, 'document.create') && (
        <ReplaceDocument {...{ one, changed }} />
      )}
      {writes && may(me.role, 'document.delete') && <TakeOut {...{ one, changed }} />}
    </div>
  );
}

function TakeOut({ one, changed }: DoingProps) {
  const { t } = useText();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const remove = async () => {
    const refused = await attempt(async () => {
      await call(documentDelete, { path: { id: one.id }, ifMatch: versionTag(one) });
      setAsking(false);
      await changed('document.removed');
    });
    if (isStale(refused)) await changed();
  };
  return (
    <>
      <Button look="quiet" aria-label={`${t('document.remove')}: ${one.title}`} onClick={() => setAsking(true)}>
        {t('document.remove')}
      </Button>
      <Confirm
        open={asking}
        title={t('document.remove_title', { title: one.title })}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" busy={busy} onClick={() => void remove()}>
              {t('document.remove')}
            </Button>
          </>
        }
      >
        <p>{t('document.remove_text')}</p>
        {failed}
      </Confirm>
    </>
  );
}
