// How far the directory has come: which version the front doors, backends and workers of every region have.
import type { HeadView, HeldView } from '../../api/platform.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Empty } from '../../ui/feedback.tsx';
import { type Standing, standingOf } from '../regions/health.ts';
import { Ago, HealthTag } from '../regions/health-tag.tsx';

export function Held({ head }: { head: HeadView }) {
  const { t, has, number } = useText();
  if (head.held.length === 0) return <Empty title={t('regions.none')} />;
  const roleOf = (role: string) => (has(`held.${role}`) ? t(`held.${role}` as Key) : role);
  return (
    <section className="stack" aria-label={t('held.title')}>
      <h2>{t('held.title')}</h2>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('region.name')}</th>
            <th scope="col">{t('held.role')}</th>
            <th scope="col">{t('directory.version')}</th>
            <th scope="col">{t('held.heard')}</th>
            <th scope="col">{t('health.title')}</th>
            <th scope="col">{t('held.connected')}</th>
          </tr>
        </thead>
        <tbody>
          {head.held.map((held) => (
            <tr key={`${held.region} ${held.role}`}>
              <th scope="row">
                <code>{held.region}</code>
              </th>
              <td data-label={t('held.role')}>{roleOf(held.role)}</td>
              <td data-label={t('directory.version')}>
                <Version held={held} served={head.served_version} />
              </td>
              <td data-label={t('held.heard')}>
                <Ago seconds={held.heard_s} />
              </td>
              <td data-label={t('health.title')}>
                <HealthTag word={held.health} />
              </td>
              <td data-label={t('held.connected')}>{number(held.processes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const TAGS: Record<Standing, string> = {
  no_version: '',
  last_known: '',
  ahead: 'bad',
  behind: 'pending',
  current: 'active',
};

/** The version that is held, and how it stands to the served one. */
function Version({ held, served }: { held: HeldView; served: number }) {
  const { t, number } = useText();
  const standing = standingOf(held, served);
  const version = held.version ?? 0;
  return (
    <>
      {standing !== 'no_version' && `${number(version)} `}
      <span className={`tag ${TAGS[standing]}`}>
        {t(`held.${standing}`, { count: number(Math.max(0, served - version)) })}
      </span>
    </>
  );
}
