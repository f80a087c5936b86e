// What a patient sees first: whose record it is and where, what is worth doing, and the ways to everything.
import { Link } from 'wouter';
import type { BriefView } from '../../api/clinic.gen.ts';
import { hasFactor, useFactors } from '../../clinic/account/use-factors.ts';
import { type Me, may } from '../../clinic/me.ts';
import { my } from '../../paths.ts';
import { CLINIC, JURISDICTION } from '../../place.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Empty } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { useOwnRecords } from '../own-records.tsx';

export function Home() {
  const { t } = useText();
  const me = useMe<Me>();
  const { chosen } = useOwnRecords();
  if (!chosen) {
    return (
      <Page title={t('home.title')}>
        <Empty title={t('home.none')} />
      </Page>
    );
  }
  const name = chosen.name ?? '–';
  const title = me.role === 'patient' ? t('home.hello', { name }) : t('home.about', { name });
  return (
    <Page title={<bdi>{title}</bdi>} tab={t('home.title')}>
      <p className="lead">
        {t('home.lead', { clinic: CLINIC })} {t(`door.residency_${JURISDICTION}`)}
      </p>
      <Next />
      <Ways chosen={chosen} />
    </Page>
  );
}

/** What makes the account safer, while it is not yet; nothing is shown once there is nothing to do. */
function Next() {
  const { t } = useText();
  const { factors } = useFactors();
  if (!factors.data || hasFactor(factors.data)) return null;
  return (
    <section className="panel next" aria-label={t('home.next')}>
      <h2>{t('home.next')}</h2>
      <p>{t('home.next_passkey')}</p>
      <div className="actions">
        <Link className="button primary" href={my.account}>
          {t('home.next_passkey_go')}
        </Link>
      </div>
    </section>
  );
}

function Ways({ chosen }: { chosen: BriefView }) {
  const { t } = useText();
  const me = useMe<Me>();
  return (
    <nav aria-label={t('home.ways')} className="way-cards">
      <WayCard to={my.record(chosen.id)} name={t('ways.record')} text={t('home.record')} />
      {may(me.role, 'document.list') && (
        <WayCard to={my.documents(chosen.id)} name={t('documents.title')} text={t('home.documents')} />
      )}
      <WayCard to={my.access(chosen.id)} name={t('ways.access')} text={t('home.access')} />
      <WayCard to={my.contact(chosen.id)} name={t('ways.contact')} text={t('home.contact')} />
      {may(me.role, 'correction.ask') && (
        <WayCard to={my.corrections(chosen.id)} name={t('ways.corrections')} text={t('home.corrections')} />
      )}
      <WayCard to={my.account} name={t('account.title')} text={t('home.account')} />
    </nav>
  );
}

function WayCard({ to, name, text }: { to: string; name: string; text: string }) {
  return (
    <Link className="way-card" href={to}>
      <span className="way-name">{name}</span>
      <span className="quiet-text">{text}</span>
    </Link>
  );
}
