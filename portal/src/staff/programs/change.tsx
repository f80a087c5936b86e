// Changing what a program or an application is called, what it may do and at which sites.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call, isStale, versionTag } from '../../api/call.ts';
import { type ClientView, oauthClientChange, type SiteView } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { SiteChoice } from '../../clinic/sites/choice.tsx';
import { choosable } from '../../clinic/sites/choosable.ts';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';
import { Abilities } from './abilities.tsx';
import { NAME_MAX_CHARS } from './register.tsx';
import { offeredTo } from './scopes.ts';

interface Props {
  one: ClientView;
  sites: SiteView[];
  /** The list is read again; with words when something was done. */
  changed: (words?: Key) => Promise<void>;
}

export function ChangeProgram({ one, sites, changed }: Props) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button aria-label={`${t('programs.change')}: ${one.name}`} onClick={() => setOpen(true)}>
        {t('programs.change')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('programs.change_title', { name: one.name })}>
        <ChangeForm {...{ one, sites, changed }} close={() => setOpen(false)} />
      </Sheet>
    </>
  );
}

function ChangeForm({ one, sites, changed, close }: Props & { close: () => void }) {
  const { t } = useText();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  // What was read when the form was opened: a newer one is not written over.
  const [read] = useState(one);
  const form = useForm({ defaultValues: { name: read.name, scopes: read.scopes, sites: read.sites } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ name, scopes, sites: chosen }) => {
    const body = { name, scopes, ...(read.kind === 'machine' && { sites: chosen }) };
    const refused = await attempt(async () => {
      await fresh(() => call(oauthClientChange, { path: { id: read.id }, ifMatch: versionTag(read), body }));
      close();
      await changed('programs.changed');
    }, form);
    if (isStale(refused)) await changed();
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t(`programs.change_${read.kind}`)}</p>
      {failed}
      <Field
        label={t('programs.name')}
        maxLength={NAME_MAX_CHARS}
        fault={errors.name && (errors.name.message || t('fault.required'))}
        {...form.register('name', { required: true })}
      />
      <Abilities
        offered={offeredTo(read)}
        fault={errors.scopes && (errors.scopes.message || t('fault.one_ability'))}
        field={form.register('scopes', { required: true })}
      />
      {read.kind === 'machine' && (
        <SiteChoice
          sites={choosable(sites, read.sites)}
          legend={t('programs.sites')}
          fault={errors.sites && (errors.sites.message || t('fault.one_site'))}
          field={form.register('sites', { required: true })}
        />
      )}
      <div className="actions end">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('programs.change_go')}
        </Button>
      </div>
    </form>
  );
}
