// The line that says on every screen where one is: the clinic and its country.
import { CLINIC, REGION } from '../place.ts';
import { type Key, useText } from '../text/text.tsx';

export function usePlaceLine(): string {
  const { t } = useText();
  return `${CLINIC} · ${t(`region.${REGION}` as Key)}`;
}
