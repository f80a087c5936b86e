// Which sites may be chosen: a closed one takes nobody new.
import type { SiteView } from '../../api/clinic.gen.ts';

/** The sites that take somebody new, and of the closed ones those where somebody is already. */
export const choosable = (sites: SiteView[], already: string[] = []) =>
  sites.filter(({ id, closed_at }) => !closed_at || already.includes(id));
