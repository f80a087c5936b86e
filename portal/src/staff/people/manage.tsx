// Another's account: its role, where they work, its sessions, closing it and opening it again. All of it counts from their next request.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import {
  type Role,
  type StaffView,
  staffDeactivate,
  staffEndSessions,
  staffReactivate,
  staffRole,
  staffSites,
} from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { Select } from '../../ui/field.tsx';
import { AtSites } from './at-sites.tsx';
import { STAFF_ROLES } from './roles.ts';

interface Props {
  one: StaffView;
  changed: () => Promise<void>;
}

export function Manage({ one, changed }: Props) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="quiet" aria-label={`${t('manage.go')}: ${one.display_name}`} onClick={() => setOpen(true)}>
        {t('manage.go')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('manage.title', { name: one.display_name })}>
        <ManageForm one={one} changed={changed} />
      </Sheet>
    </>
  );
}

function ManageForm({ one, changed }: Props) {
  const { t } = useText();
  const fresh = useStepUp();
  const [role, setRole] = useState<Role>(one.role);
  const { attempt, busy, failed } = useAttempt();
  const [said, setSaid] = useState<Key>();
  const path = { id: one.account };
  const doing = async (words: Key, work: () => Promise<unknown>) => {
    setSaid(undefined);
    await attempt(async () => {
      await fresh(work);
      await changed();
      setSaid(words);
    });
  };
  return (
    <div className="stack">
      {said && <Notice kind="good" title={t(said)} />}
      {failed}
      <Select
        label={t('staff.role')}
        hint={t('manage.role_hint')}
        value={role}
        onChange={(event) => setRole(event.target.value as Role)}
      >
        {STAFF_ROLES.map((each) => (
          <option key={each} value={each}>
            {t(`role.${each}`)}
          </option>
        ))}
      </Select>
      <div className="actions">
        <Button
          look="primary"
          busy={busy}
          disabled={role === one.role}
          onClick={() => void doing('manage.role_done', () => call(staffRole, { path, body: { role } }))}
        >
          {t('manage.role_go')}
        </Button>
      </div>
      <AtSites
        one={one}
        busy={busy}
        give={(sites) => doing('manage.sites_done', () => call(staffSites, { path, body: { sites } }))}
      />
      <p className="quiet-text">{t('manage.text')}</p>
      <div className="actions">
        <Button busy={busy} onClick={() => void doing('manage.ended', () => call(staffEndSessions, { path }))}>
          {t('manage.end')}
        </Button>
        {one.state === 'disabled' ? (
          <Button busy={busy} onClick={() => void doing('manage.reopened', () => call(staffReactivate, { path }))}>
            {t('manage.reopen')}
          </Button>
        ) : (
          <Button
            look="danger"
            busy={busy}
            onClick={() => void doing('manage.closed', () => call(staffDeactivate, { path }))}
          >
            {t('manage.close')}
          </Button>
        )}
      </div>
    </div>
  );
}
