// What a patient sees first: whose record it is and where, what is worth doing, and the ways to everything.
import { Link } from 'wouter';
import type { BriefView } from '../../api/clinic.gen.ts';
import { hasFactor, useFactors } from '../../clinic/account/use-factors.ts';
import { my } from '../../paths.ts';
import { CLINIC, JURISDICTION } from '../../place.ts';
import { useText } from '../../text/text.tsx';
import { Empty } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { isAnothers, isGiven, useOwnRecords, useTold } from '../own-records.tsx';

export function Home() {
  const { t } = useText();
  const told = useTold();
  const { chosen } = useOwnRecords();
  if (!chosen) {
    return (
      <Page title={t('home.title')}>
        <Empty title={t('home.none')} />
      </Page>
    );
  }
  const name = chosen.name ?? '–';
  return (
    <Page title={<bdi>{t(isAnothers(chosen) ? 'home.about' : 'home.hello', { name })}</bdi>} tab={t('home.title')}>
      <p className="lead">
        {told('home.lead', { clinic: CLINIC })} {told(`door.residency_${JURISDICTION}`)}
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
  const told = useTold();
  const { id } = chosen;
  return (
    <nav aria-label={t('home.ways')} className="way-cards">
      {isGiven(chosen, 'record') && (
        <WayCard to={my.record(id)} name={told('ways.record')} text={told('home.record')} />
      )}
      {isGiven(chosen, 'documents') && (
        <WayCard to={my.documents(id)} name={t('documents.title')} text={t('home.documents')} />
      )}
      {isGiven(chosen, 'record') && <WayCard to={my.access(id)} name={t('ways.access')} text={told('home.access')} />}
      {isGiven(chosen, 'record', 'corrections') && (
        <WayCard to={my.contact(id)} name={told('ways.contact')} text={told('home.contact')} />
      )}
      {isGiven(chosen, 'corrections') && (
        <WayCard to={my.corrections(id)} name={t('ways.corrections')} text={told('home.corrections')} />
      )}
      {!isAnothers(chosen) && <WayCard to={my.proxies(id)} name={t('ways.proxies')} text={t('home.proxies')} />}
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
