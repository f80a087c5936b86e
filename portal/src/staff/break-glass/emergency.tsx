// Emergency access: started by who treats, looked at by the privacy officer.
import { useMe } from '../../shell/session.tsx';
import { type Me, may } from '../me.ts';
import { Reviews } from './reviews.tsx';
import { StartEmergency } from './start.tsx';

export function Emergency() {
  const me = useMe<Me>();
  return may(me.role, 'break_glass.list') ? <Reviews /> : <StartEmergency />;
}
