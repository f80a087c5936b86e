// Which applications the own account let in, found among its sessions.
import type { ApplicationView, OwnSessionView } from '../../api/clinic.gen.ts';

/** An application with every session that it has: it was let in once for each. */
export interface LetIn extends ApplicationView {
  sessions: OwnSessionView[];
}

/** The applications among the sessions, each once, with all that any of its sessions may do. */
export function applicationsOf(sessions: OwnSessionView[]): LetIn[] {
  const found = new Map<string, LetIn>();
  for (const one of sessions) {
    if (!one.application) continue;
    const { id, name, scope } = one.application;
    const known = found.get(id);
    found.set(id, {
      id,
      name,
      scope: [...new Set([...(known?.scope ?? []), ...scope])],
      sessions: [...(known?.sessions ?? []), one],
    });
  }
  return [...found.values()];
}
