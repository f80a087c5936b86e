// The platform console: regions, clinics and the directory. No patient's data exists where it runs.
import type { QueryClient } from '@tanstack/react-query';
import { Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { CallError, call } from '../api/call.ts';
import { type SessionView, sessionEnd, sessionRead } from '../api/platform.gen.ts';
import { CONSOLE_BASE, console_, ENROL, patterns } from '../paths.ts';
import { Door } from '../shell/door.tsx';
import { Frame } from '../shell/frame.tsx';
import { NothingHere } from '../shell/nothing-here.tsx';
import { type SessionApi, SessionProvider, useMe, useSession } from '../shell/session.tsx';
import { useText } from '../text/text.tsx';
import { Failure, Loading } from '../ui/feedback.tsx';
import { useTitle } from '../ui/title.ts';
import { OwnPasskeys } from './account/own-passkeys.tsx';
import { SignInAgain } from './account/sign-in-again.tsx';
import { Directory } from './directory/directory.tsx';
import { Transit } from './directory/transit.tsx';
import { FirstPasskey } from './door/first-passkey.tsx';
import { SignInForm } from './door/sign-in-form.tsx';
import { Regions } from './regions/regions.tsx';
import { Grant } from './support/grant.tsx';
import { Grants } from './support/grants.tsx';
import { Onboard } from './tenants/onboard.tsx';
import { Tenant } from './tenants/tenant.tsx';
import { Tenants } from './tenants/tenants.tsx';

const sessionApi: SessionApi<SessionView> = {
  read: sessionRead,
  end: sessionEnd,
  me: async () => (await call(sessionRead)).data,
  signedOut: `${CONSOLE_BASE}${console_.signedOut}`,
};

export function PlatformApp({ queries }: { queries: QueryClient }) {
  if (location.pathname === ENROL) return <FirstPasskey />;
  return (
    <SessionProvider api={sessionApi} queries={queries}>
      <Router base={CONSOLE_BASE}>
        <Switch>
          <Route path={console_.signedOut} component={SignedOut} />
          <Route path="*?" component={Doorway} />
        </Switch>
      </Router>
    </SessionProvider>
  );
}

function Doorway() {
  const { state, retry } = useSession<SessionView>();
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
      return <SignIn />;
    case 'signed-in':
      return path === console_.signIn ? <Redirect to={console_.home} replace /> : <SignedIn />;
  }
}

function SignIn() {
  const { t } = useText();
  const { begin } = useSession<SessionView>();
  useTitle(t('sign_in.title'));
  return (
    <Door place={t('console.place')} title={t('sign_in.title')}>
      <SignInForm done={(session) => begin(session.csrf_token)} />
      <p className="hint">{t('console.no_patients')}</p>
    </Door>
  );
}

function SignedOut() {
  const { t } = useText();
  useTitle(t('signed_out.title'));
  return (
    <Door place={t('console.place')} title={t('signed_out.title')}>
      <p>{t('signed_out.text')}</p>
      <a className="button primary" href={`${CONSOLE_BASE}${console_.signIn}`}>
        {t('signed_out.again')}
      </a>
    </Door>
  );
}

function SignedIn() {
  const { t } = useText();
  const me = useMe<SessionView>();
  const { signOut } = useSession<SessionView>();
  const isSupport = me.role === 'support';
  const ways = [
    { to: console_.home, label: t('ways.regions') },
    { to: console_.tenants, label: t('ways.tenants') },
    { to: console_.support, label: t('ways.support') },
    ...(isSupport ? [] : [{ to: console_.transit, label: t('ways.transit') }]),
    { to: console_.directory, label: t('ways.directory') },
  ];
  return (
    <Frame
      place={t('console.place')}
      ways={ways}
      who={me.login}
      role={t(isSupport ? 'console.role_support' : 'console.role')}
      signOut={() => void signOut()}
      account={{ to: console_.passkeys, label: t('console.passkeys') }}
    >
      <Switch>
        <Route path={console_.home} component={Regions} />
        <Route path={console_.tenants} component={Tenants} />
        <Route path={console_.onboard} component={Onboard} />
        <Route path={patterns.tenant}>{(at) => <Tenant id={at.id} />}</Route>
        <Route path={console_.transit} component={Transit} />
        <Route path={console_.directory} component={Directory} />
        <Route path={console_.support} component={Grants} />
        <Route path={patterns.grant}>{(at) => <Grant id={at.id} />}</Route>
        <Route path={console_.passkeys}>
          <SignInAgain>
            <OwnPasskeys />
          </SignInAgain>
        </Route>
        <Route component={NothingHere} />
      </Switch>
    </Frame>
  );
}
