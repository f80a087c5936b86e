// Registering a program by its public keys, or an application by the addresses that people are sent back to.
import { useState } from 'react';
import { type UseFormReturn, useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import {
  type ClientInput,
  ClientKind,
  type JwkInput,
  oauthClientRegister,
  type SiteView,
} from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { SiteChoice } from '../../clinic/sites/choice.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure } from '../../ui/feedback.tsx';
import { Field, Select, TextArea } from '../../ui/field.tsx';
import { Abilities } from './abilities.tsx';
import { readKeys } from './jwks.ts';
import { SCOPES } from './scopes.ts';

/** The server's limit (app/src/oauth/clients.rs). */
export const NAME_MAX_CHARS = 100;

interface ProgramForm {
  name: string;
  kind: ClientKind;
  scopes: string[];
  sites: string[];
  jwks: string;
  redirect_uris: string;
}

interface Props {
  sites: SiteView[];
  close: () => void;
  registered: (id: string) => Promise<void>;
}

/** Addresses, one a line. */
const lines = (typed: string) =>
  typed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function toInput({ name, kind, scopes, sites, redirect_uris }: ProgramForm, keys: JwkInput[]): ClientInput {
  // What was ticked for the other kind is not asked for.
  const about = { name, kind, scopes: SCOPES[kind].filter((one) => scopes.includes(one)) };
  return kind === 'machine' ? { ...about, sites, jwks: { keys } } : { ...about, redirect_uris: lines(redirect_uris) };
}

export function RegisterProgram({ sites, close, registered }: Props) {
  const { t } = useText();
  const faults = useFaults();
  const fresh = useStepUp();
  const [failure, setFailure] = useState<unknown>();
  const form = useForm<ProgramForm>({
    defaultValues: { name: '', kind: 'machine', scopes: [], sites: [], jwks: '', redirect_uris: '' },
  });
  const { errors, isSubmitting } = form.formState;
  const kind = form.watch('kind');
  const offered: readonly string[] = SCOPES[kind];
  const submit = form.handleSubmit(async (typed) => {
    setFailure(undefined);
    const read = typed.kind === 'machine' ? readKeys(typed.jwks) : { keys: [] };
    if ('fault' in read) return form.setError('jwks', { message: faults.words(read.fault) }, { shouldFocus: true });
    try {
      const body = toInput(typed, read.keys);
      const { data } = await fresh(() => call(oauthClientRegister, { body }));
      await registered(data.id);
    } catch (error) {
      if (!(error instanceof CallError)) setFailure(error);
      // That there are too many is about no field, and only this one can say it.
      else if (error.fields.some(({ code }) => code === 'too_many_clients'))
        form.setError('name', { message: faults.words('too_many_clients') }, { shouldFocus: true });
      else if (!faults.put(form, error)) setFailure(error);
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failure !== undefined && <Failure error={failure} />}
      <Select label={t('programs.kind')} hint={t(`programs.kind_${kind}`)} {...form.register('kind')}>
        {ClientKind.options.map((one) => (
          <option key={one} value={one}>
            {t(`client_kind.${one}`)}
          </option>
        ))}
      </Select>
      <Field
        label={t('programs.name')}
        maxLength={NAME_MAX_CHARS}
        fault={errors.name && (errors.name.message || t('fault.required'))}
        {...form.register('name', { required: true })}
      />
      <Abilities
        offered={offered}
        fault={errors.scopes && (errors.scopes.message || t('fault.one_ability'))}
        field={form.register('scopes', { validate: (chosen) => chosen.some((one) => offered.includes(one)) })}
      />
      {kind === 'machine' ? <ProgramFields {...{ form, sites }} /> : <ApplicationFields form={form} />}
      <div className="actions end">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('programs.go')}
        </Button>
      </div>
    </form>
  );
}

interface PartProps {
  form: UseFormReturn<ProgramForm>;
}

function ProgramFields({ form, sites }: PartProps & { sites: SiteView[] }) {
  const { t } = useText();
  const { errors } = form.formState;
  return (
    <>
      <SiteChoice
        sites={sites}
        legend={t('programs.sites')}
        fault={errors.sites && (errors.sites.message || t('fault.one_site'))}
        field={form.register('sites', { required: true, shouldUnregister: true })}
      />
      <TextArea
        label={t('programs.jwks')}
        hint={t('programs.jwks_hint')}
        rows={6}
        fault={errors.jwks && (errors.jwks.message || t('fault.required'))}
        {...form.register('jwks', { required: true, shouldUnregister: true })}
      />
    </>
  );
}

function ApplicationFields({ form }: PartProps) {
  const { t } = useText();
  const fault = form.formState.errors.redirect_uris;
  return (
    <TextArea
      label={t('programs.redirects')}
      hint={t('programs.redirects_hint')}
      rows={3}
      fault={fault && (fault.message || t('fault.required'))}
      {...form.register('redirect_uris', { required: true, shouldUnregister: true })}
    />
  );
}
