// Keeps a screen where it is while answers come: what is about to be pressed does not slip away.
import { useLayoutEffect } from 'react';

/** How much of the window may stay empty below what is there, so that what is there stays in sight. */
const EMPTY_MAX = 0.5;

/**
 * Keeps the document as long as what was scrolled to. A browser moves one that gets shorter, as it does when a list turns out
 * empty, and a button between the press and the release goes with it.
 */
export function useStandStill(): void {
  useLayoutEffect(() => {
    const { style } = document.body;
    const root = document.getElementById('root');
    if (!root) return;
    const hold = () => {
      const stays = root.offsetHeight + innerHeight * EMPTY_MAX;
      // A telephone's page can be pulled beyond its end; it must not grow from that.
      const seen = Math.min(scrollY + innerHeight, document.documentElement.scrollHeight, stays);
      style.setProperty('--seen', `${Math.floor(seen)}px`);
    };
    const shorter = new ResizeObserver(hold);
    shorter.observe(root);
    addEventListener('scroll', hold, { passive: true });
    return () => {
      shorter.disconnect();
      removeEventListener('scroll', hold);
      style.removeProperty('--seen');
    };
  }, []);
}
