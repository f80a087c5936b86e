// Times as people type them, in minutes, and as the server takes them, in whole seconds.

const MINUTE_S = 60;

/** Seconds in minutes, as a field begins with. */
export const toMinutes = (seconds: number) => String(Math.round((seconds / MINUTE_S) * 100) / 100);

/** Typed minutes in seconds, with a comma or a point; 0 for what is no number, which no time is. */
export function fromMinutes(typed: string): number {
  const minutes = Number(typed.trim().replace(',', '.'));
  return Number.isFinite(minutes) ? Math.round(minutes * MINUTE_S) : 0;
}
