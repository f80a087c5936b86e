// The patients' application: the door and the page after it at once, what is behind the door once it is needed.
import type { QueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Route, Router, Switch } from 'wouter';
import { Doorway } from '../clinic/door/doorway.tsx';
import { SignedOut } from '../clinic/door/signed-out.tsx';
import { sessionApi } from '../clinic/me.ts';
import { MY_BASE, my } from '../paths.ts';
import { SessionProvider } from '../shell/session.tsx';
import { Loading } from '../ui/feedback.tsx';
import { SignIn } from './door/sign-in.tsx';

const SESSION = sessionApi(`${MY_BASE}${my.signedOut}`);

const load = () => import('./signed-in.tsx');
const SignedIn = lazy(load);

export function PatientApp({ queries }: { queries: QueryClient }) {
  // It comes while somebody looks for the code in their mail.
  useEffect(() => void load(), []);
  return (
    <SessionProvider api={SESSION} queries={queries}>
      <Router base={MY_BASE}>
        <Switch>
          <Route path={my.signedOut}>
            <SignedOut again={`${MY_BASE}${my.signIn}`} />
          </Route>
          <Route path="*?">
            <Doorway who="patients" door={<SignIn />} signIn={my.signIn} home={my.home}>
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
