// The own passkeys: what they are called and when they signed in, adding one, and removing one that is not the last.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type PasskeyView, passkeyAdd, passkeyBegin, passkeyList, passkeyRemove } from '../../api/platform.gen.ts';
import { createPasskey, passkeysWork } from '../../shell/passkey.ts';
import { useStepUp } from '../../shell/step-up.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { LabelField } from './label-field.tsx';

export function OwnPasskeys() {
  const { t } = useText();
  const queries = useQueryClient();
  const [changed, setChanged] = useState(false);
  const passkeys = useQuery({
    queryKey: ['passkeys'],
    queryFn: async ({ signal }) => (await call(passkeyList, { signal })).data.items,
  });
  const look = async () => {
    await queries.invalidateQueries({ queryKey: ['passkeys'] });
    setChanged(true);
  };
  return (
    <Page title={t('console.passkeys')}>
      <section className="panel" aria-label={t('passkeys.title')}>
        <p>{t('passkeys.text')}</p>
        {changed && <Notice kind="good" title={t('passkeys.ended')} />}
        {passkeys.isPending && <Loading lines={2} />}
        {passkeys.isError && <Failure error={passkeys.error} retry={() => void passkeys.refetch()} />}
        <List passkeys={passkeys.data ?? []} changed={look} />
        {passkeysWork() ? <Add changed={look} /> : <p className="quiet-text">{t('passkeys.not_here')}</p>}
      </section>
    </Page>
  );
}

interface Changes {
  changed: () => Promise<void>;
}

function List({ passkeys, changed }: Changes & { passkeys: PasskeyView[] }) {
  const { t, moment } = useText();
  const fresh = useStepUp();
  const { attempt, busy, failed } = useAttempt();
  const remove = (id: string) =>
    attempt(async () => {
      await fresh(() => call(passkeyRemove, { path: { id } }));
      await changed();
    });
  return (
    <>
      {failed}
      <ul className="rows">
        {passkeys.map((one) => (
          <li key={one.id}>
            <span>
              <bdi>{one.label}</bdi>
              <br />
              <span className="quiet-text">
                {t('passkeys.added', { when: moment(one.created_at) })} ·{' '}
                {one.last_used_at ? t('passkeys.used', { when: moment(one.last_used_at) }) : t('passkeys.unused')}
              </span>
            </span>
            {passkeys.length > 1 && (
              <Button
                look="quiet"
                busy={busy}
                aria-label={`${t('remove')}: ${one.label}`}
                onClick={() => void remove(one.id)}
              >
                {t('remove')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Add({ changed }: Changes) {
  const { t } = useText();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { label: '' } });
  const { isSubmitting, errors } = form.formState;
  const submit = form.handleSubmit(({ label }) =>
    attempt(async () => {
      const { data: options } = await fresh(() => call(passkeyBegin));
      await call(passkeyAdd, { body: { label, credential: await createPasskey(options) } });
      form.reset();
      await changed();
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <LabelField
        fault={errors.label && (errors.label.message || t('fault.required'))}
        {...form.register('label', { required: true })}
      />
      <div className="actions">
        <Button type="submit" busy={isSubmitting}>
          {t('passkeys.add')}
        </Button>
      </div>
    </form>
  );
}
