// When a page that nobody uses asks whether somebody is there, and when it ends.

/** How long before the end people are asked, in seconds, where the session is long enough for it. */
const WARN_S = 60;
/** The server notes that a session was used at most this often, in seconds, so its end may come that much earlier. */
const SERVER_TOUCH_S = 60;

/**
 * Seconds after the last request: when the page ends, before the server does, and how long before that it asks. A session
 * shorter than two minutes ends at its half on the page, and is asked about for half of that.
 */
export function idleTimes(idleS: number): { endS: number; warnS: number } {
  const endS = Math.max(idleS - SERVER_TOUCH_S, Math.floor(idleS / 2));
  return { endS, warnS: Math.min(WARN_S, Math.floor(endS / 2)) };
}
