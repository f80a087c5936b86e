// Inviting somebody to work in the clinic; the region's worker sends the mail.
import { useQueryClient } from '@tanstack/react-query';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type Role, staffInvite } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { STAFF_ROLES } from './roles.ts';

interface Props {
  open: boolean;
  close: () => void;
  done: (email: string) => void;
}

export function Invite({ open, close, done }: Props) {
  const { t } = useText();
  return (
    <Sheet open={open} close={close} title={t('invite.title')}>
      <InviteForm close={close} done={done} />
    </Sheet>
  );
}

function InviteForm({ close, done }: Omit<Props, 'open'>) {
  const { t } = useText();
  const fresh = useStepUp();
  const queries = useQueryClient();
  const { attempt, failed } = useAttempt();
  const form = useForm<{ email: string; display_name: string; role: Role }>({
    defaultValues: { email: '', display_name: '', role: 'receptionist' },
  });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit((typed) =>
    attempt(async () => {
      await fresh(() => call(staffInvite, { body: typed }));
      await queries.invalidateQueries({ queryKey: ['staff'] });
      done(typed.email);
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <Field
        label={t('staff.email')}
        type="email"
        fault={errors.email && (errors.email.message || t('fault.required'))}
        {...form.register('email', { required: true })}
      />
      <Field
        label={t('staff.name')}
        hint={t('accept.name_hint')}
        fault={errors.display_name && (errors.display_name.message || t('fault.required'))}
        {...form.register('display_name', { required: true })}
      />
      <Select label={t('staff.role')} hint={t('invite.role_hint')} {...form.register('role')}>
        {STAFF_ROLES.map((role) => (
          <option key={role} value={role}>
            {t(`role.${role}`)}
          </option>
        ))}
      </Select>
      <div className="actions end">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('invite.go')}
        </Button>
      </div>
    </form>
  );
}
