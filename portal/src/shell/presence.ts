// Whether somebody is at the page: what a page asks again by itself must not keep a session alive that nobody uses.

/** So long after the last key, press or turn of the wheel somebody is there, in milliseconds. */
const THERE_MS = 60_000;
const SIGNS = ['pointerdown', 'keydown', 'wheel', 'click'] as const;

/** A page that was just opened has somebody at it. */
let signAt = Date.now();

export const isAnybodyThere = () => Date.now() - signAt <= THERE_MS;

/** Looks out for signs, until the function that it gives is called. */
export function watchForSigns(): () => void {
  const sign = () => {
    signAt = Date.now();
  };
  for (const name of SIGNS) window.addEventListener(name, sign, { capture: true, passive: true });
  return () => {
    for (const name of SIGNS) window.removeEventListener(name, sign, { capture: true });
  };
}
