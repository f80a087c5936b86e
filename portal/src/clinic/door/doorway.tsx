// Shows the door until there is a session, asks for its second step, and then shows what is behind.
import type { ReactNode } from 'react';
import { Redirect, useLocation } from 'wouter';
import { CallError } from '../../api/call.ts';
import { useMe, useSession } from '../../shell/session.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { EnrolFirst } from '../account/enrol-first.tsx';
import { ProveFactor } from '../account/prove-factor.tsx';
import { looksAfterThemselves, type Me } from '../me.ts';
import { OtherDoor } from './other-door.tsx';

interface Props {
  /** Who comes in here. */
  who: 'staff' | 'patients';
  /** The screen that asks who somebody is. */
  door: ReactNode;
  /** Its address, from which one goes on to the home screen. */
  signIn: string;
  home: string;
  children: ReactNode;
}

export function Doorway({ door, signIn, home, who, children }: Props) {
  const { state, retry } = useSession<Me>();
  const [path] = useLocation();
  switch (state.status) {
    case 'loading':
      return (
        <div className="boot">
          <Loading lines={1} />
        </div>
      );
    case 'unreachable':
      return (
        <div className="boot">
          <Failure error={new CallError(0, 'offline')} retry={retry} />
        </div>
      );
    case 'anonymous':
      return door;
    case 'signed-in':
      if (path === signIn) return <Redirect to={home} replace />;
      return <SecondStep who={who}>{children}</SecondStep>;
  }
}

/** Nobody sees a record by what one knows alone, and nobody is shown the application of others. */
function SecondStep({ who, children }: Pick<Props, 'who' | 'children'>) {
  const { role, second_factor } = useMe<Me>();
  if (looksAfterThemselves(role) !== (who === 'patients'))
    return <OtherDoor leadsTo={who === 'patients' ? 'staff' : 'patients'} />;
  if (second_factor === 'prove') return <ProveFactor />;
  if (second_factor === 'enrol') return <EnrolFirst />;
  return children;
}
