// One program or application: what it may do, where, by which keys, changing that, and ending it for good.
import { useId, useState } from 'react';
import { call } from '../../api/call.ts';
import { type ClientView, oauthClientDisable, type SiteView } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Fact } from '../../ui/fact.tsx';
import { useAbility } from './abilities.tsx';
import { ChangeProgram } from './change.tsx';
import { ReplaceKeys } from './replace-keys.tsx';

interface Props {
  one: ClientView;
  sites: SiteView[];
  /** The list is read again; with words when something was done. */
  changed: (words?: Key) => Promise<void>;
}

export function Program({ one, sites, changed }: Props) {
  const { t } = useText();
  const me = useMe<Me>();
  const id = useId();
  const active = one.state === 'active';
  return (
    <article className="panel" aria-labelledby={id}>
      <div className="panel-head">
        <h2 id={id}>
          <bdi>{one.name}</bdi>
        </h2>
        <span>
          <span className="tag">{t(`client_kind.${one.kind}`)}</span>
          <span className={`tag ${active ? 'active' : ''}`}>
            {t(active ? 'client_state.active' : 'client_state.disabled')}
          </span>
        </span>
      </div>
      <div className="facts">
        <Facts {...{ one, sites }} />
      </div>
      {active && may(me.role, 'oauth_client.change') && (
        <div className="actions end">
          <ChangeProgram {...{ one, sites, changed }} />
          {one.kind === 'machine' && <ReplaceKeys {...{ one, changed }} />}
          <End {...{ one, changed }} />
        </div>
      )}
    </article>
  );
}

function Facts({ one, sites }: Pick<Props, 'one' | 'sites'>) {
  const { t, moment } = useText();
  const ability = useAbility();
  const names = sites.filter(({ id }) => one.sites.includes(id)).map(({ name }) => name);
  return (
    <dl>
      <Fact label={t('programs.id')}>
        <code>{one.id}</code>
      </Fact>
      <Fact label={t('programs.since')}>{moment(one.created_at)}</Fact>
      <Fact label={t('programs.may')}>
        {one.scopes.map((name) => (
          <span key={name} className="line">
            {ability(name)} <code className="quiet-text">{name}</code>
          </span>
        ))}
      </Fact>
      {one.kind === 'machine' && (
        <Fact label={t('programs.sites')}>
          <bdi>{names.join(' · ') || '–'}</bdi>
        </Fact>
      )}
      {one.keys.length > 0 && (
        <Fact label={t('programs.keys')}>
          {one.keys.map((key) => (
            <span key={key.kid} className="line">
              <code>{key.kid}</code> <span className="quiet-text">{key.crv}</span>
            </span>
          ))}
        </Fact>
      )}
      {one.redirect_uris.length > 0 && (
        <Fact label={t('programs.redirects')}>
          {one.redirect_uris.map((uri) => (
            <code key={uri} className="line">
              {uri}
            </code>
          ))}
        </Fact>
      )}
    </dl>
  );
}

function End({ one, changed }: Pick<Props, 'one' | 'changed'>) {
  const { t } = useText();
  const fresh = useStepUp();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const end = async () => {
    // A fresh second step is asked for in a dialog of its own, with nothing else above or below it.
    setAsking(false);
    await attempt(async () => {
      await fresh(() => call(oauthClientDisable, { path: { id: one.id } }));
      await changed('programs.ended');
    });
  };
  return (
    <>
      {failed}
      <Button
        look="danger"
        busy={busy}
        aria-label={`${t('programs.end')}: ${one.name}`}
        onClick={() => setAsking(true)}
      >
        {t('programs.end')}
      </Button>
      <Confirm
        open={asking}
        title={t('programs.end_title', { name: one.name })}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" onClick={() => void end()}>
              {t('programs.end')}
            </Button>
          </>
        }
      >
        <p>{t('programs.end_text')}</p>
      </Confirm>
    </>
  );
}
