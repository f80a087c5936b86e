// The staff application: the doors at once, what is behind them once it is needed.
import type { QueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Route, Router, Switch } from 'wouter';
import { Doorway } from '../clinic/door/doorway.tsx';
import { SignedOut } from '../clinic/door/signed-out.tsx';
import { sessionApi } from '../clinic/me.ts';
import { ACCEPT_INVITATION, CLINIC_BASE, clinic, RECOVER } from '../paths.ts';
import { SessionProvider } from '../shell/session.tsx';
import { Loading } from '../ui/feedback.tsx';
import { AcceptInvitation } from './door/accept-invitation.tsx';
import { Recover } from './door/recover.tsx';
import { SignIn } from './door/sign-in.tsx';

const SESSION = sessionApi(`${CLINIC_BASE}${clinic.signedOut}`);

const load = () => import('./signed-in.tsx');
const SignedIn = lazy(load);

export function StaffApp({ queries }: { queries: QueryClient }) {
  // It comes while somebody types the password and the code.
  useEffect(() => void load(), []);
  if (location.pathname === ACCEPT_INVITATION) return <AcceptInvitation />;
  if (location.pathname === RECOVER) return <Recover />;
  return (
    <SessionProvider api={SESSION} queries={queries}>
      <Router base={CLINIC_BASE}>
        <Switch>
          <Route path={clinic.signedOut}>
            <SignedOut again={`${CLINIC_BASE}${clinic.signIn}`} />
          </Route>
          <Route path="*?">
            <Doorway who="staff" door={<SignIn />} signIn={clinic.signIn} home={clinic.home}>
              <Suspense fallback={<Waiting />}>
                <SignedIn />
              </Suspense>
            </Doorway>
          </Route>
        </Switch>
      </Router>
    </SessionProvider>
  );
}

function Waiting() {
  return (
    <div className="boot">
      <Loading lines={1} />
    </div>
  );
}
