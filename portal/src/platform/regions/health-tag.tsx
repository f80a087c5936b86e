// How a region, a role or a shard is: a word with a shape of its own, so that nobody has to tell colours apart.
import { useText } from '../../text/text.tsx';
import { type Health, healthOf, TONES } from './health.ts';

const TAGS = { good: 'active', warn: 'pending', bad: 'bad', quiet: '' } as const;
/** Seconds from which on an age is told in minutes. */
const MINUTES_FROM_S = 120;

/** A disc, a triangle, a square, a cross, a ring: around the origin, some ten units wide. */
export function HealthShape({ health }: { health: Health }) {
  const name = `health-shape ${TONES[health]}`;
  switch (health) {
    case 'healthy':
      return <circle r="5" className={name} />;
    case 'late':
      return <polygon points="0,-5.5 5.5,4.5 -5.5,4.5" className={name} />;
    case 'silent':
      return <rect x="-4.5" y="-4.5" width="9" height="9" className={name} />;
    case 'down':
      return <path d="M-4.5-4.5 4.5 4.5M4.5-4.5-4.5 4.5" className={`${name} open`} />;
    case 'unknown':
      return <circle r="4.5" className={`${name} open`} />;
  }
}

export function HealthTag({ word }: { word: string }) {
  const { t } = useText();
  const health = healthOf(word);
  return (
    <span className={`tag ${TAGS[TONES[health]]}`}>
      <svg className="health-mark" viewBox="-7 -7 14 14" aria-hidden="true">
        <HealthShape health={health} />
      </svg>
      {t(`health.${health}`)}
    </span>
  );
}

/** How long ago something was heard, if it ever was. */
export function Ago({ seconds }: { seconds: number | null | undefined }) {
  const { t, number } = useText();
  if (seconds === null || seconds === undefined) return t('health.never');
  return seconds < MINUTES_FROM_S
    ? t('health.seconds_ago', { count: number(seconds) })
    : t('health.minutes_ago', { count: number(Math.floor(seconds / 60)) });
}
