// Sizes of files for people.
import { useText } from '../../text/text.tsx';

const KILO = 1000;

/** At least one kB, and whole numbers: nobody plans by the bytes of a document. */
export function useSize(): (bytes: number) => string {
  const { t, number } = useText();
  return (bytes) => {
    const kilobytes = Math.max(1, Math.round(bytes / KILO));
    return kilobytes < KILO
      ? t('document.kilobytes', { count: number(kilobytes) })
      : t('document.megabytes', { count: number(Math.round(kilobytes / KILO)) });
  };
}
