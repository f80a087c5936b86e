// Emergency access: started by who treats, looked at by the privacy officer.

import { type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { Reviews } from './reviews.tsx';
import { StartEmergency } from './start.tsx';

export function Emergency() {
  const me = useMe<Me>();
  return may(me.role, 'break_glass.list') ? <Reviews /> : <StartEmergency />;
}
