// The staff application: which screen answers at which address, with a session and without.
import type { QueryClient } from '@tanstack/react-query';
import { Redirect, Route, Router, Switch, useLocation } from 'wouter';
import { CallError } from '../api/call.ts';
import { ACCEPT_INVITATION, CLINIC_BASE, clinic, patterns } from '../paths.ts';
import { CLINIC, REGION } from '../place.ts';
import { Frame, type Way } from '../shell/frame.tsx';
import { NothingHere } from '../shell/nothing-here.tsx';
import { SessionProvider, useMe, useSession } from '../shell/session.tsx';
import { type Key, useText } from '../text/text.tsx';
import { Failure, Loading } from '../ui/feedback.tsx';
import { Account, EnrolFirst } from './account/account.tsx';
import { ProveFactor } from './account/prove-factor.tsx';
import { StepUp } from './account/step-up.tsx';
import { Audit } from './audit/audit.tsx';
import { Emergency } from './break-glass/emergency.tsx';
import { Documents } from './documents/documents.tsx';
import { AcceptInvitation } from './door/accept-invitation.tsx';
import { SignIn } from './door/sign-in.tsx';
import { SignedOut } from './door/signed-out.tsx';
import { type Action, type Me, may, sessionApi } from './me.ts';
import { EditPatient } from './patients/edit-patient.tsx';
import { PatientRecord } from './patients/patient-record.tsx';
import { Patients } from './patients/patients.tsx';
import { RegisterPatient } from './patients/register-patient.tsx';
import { Staff } from './people/staff.tsx';
import { CareTeam } from './relationships/care-team.tsx';

export function StaffApp({ queries }: { queries: QueryClient }) {
  if (location.pathname === ACCEPT_INVITATION) return <AcceptInvitation />;
  return (
    <SessionProvider api={sessionApi} queries={queries}>
      <Router base={CLINIC_BASE}>
        <Switch>
          <Route path={clinic.signedOut} component={SignedOut} />
          <Route path="*?" component={Doorway} />
        </Switch>
      </Router>
    </SessionProvider>
  );
}

/** Shows the sign-in screen until there is a session, then the screen that was asked for. */
function Doorway() {
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
      return <SignIn />;
    case 'signed-in':
      return path === clinic.signIn ? <Redirect to={clinic.home} replace /> : <SecondStep />;
  }
}

/** Nobody works with a password alone. */
function SecondStep() {
  const { second_factor } = useMe<Me>();
  if (second_factor === 'prove') return <ProveFactor />;
  if (second_factor === 'enrol') return <EnrolFirst />;
  return (
    <StepUp>
      <SignedIn />
    </StepUp>
  );
}

function SignedIn() {
  const { t } = useText();
  const me = useMe<Me>();
  const { signOut } = useSession<Me>();
  const all: (Way & { action: Action })[] = [
    { to: clinic.patients, label: t('ways.patients'), action: 'patient.search' },
    { to: clinic.emergency, label: t('ways.emergency'), action: 'break_glass.start' },
    { to: clinic.emergency, label: t('ways.reviews'), action: 'break_glass.list' },
    { to: clinic.staff, label: t('ways.staff'), action: 'staff.list' },
    { to: clinic.audit, label: t('ways.audit'), action: 'audit.search' },
  ];
  const ways = all.filter((way) => may(me.role, way.action));
  const account = { to: clinic.account, label: t('account.title') };
  return (
    <Frame
      place={`${CLINIC} · ${t(`region.${REGION}` as Key)}`}
      ways={ways}
      who={me.display_name}
      role={t(`role.${me.role}`)}
      account={account}
      signOut={() => void signOut()}
    >
      <Switch>
        <Route path={clinic.home}>
          <Redirect to={(ways[0] ?? account).to} replace />
        </Route>
        <Route path={clinic.patients} component={Patients} />
        <Route path={clinic.register} component={RegisterPatient} />
        <Route path={patterns.patient}>{(at) => <PatientRecord id={at.id} />}</Route>
        <Route path={patterns.editPatient}>{(at) => <EditPatient id={at.id} />}</Route>
        <Route path={patterns.documents}>{(at) => <Documents patient={at.id} />}</Route>
        <Route path={patterns.careTeam}>{(at) => <CareTeam patient={at.id} />}</Route>
        <Route path={clinic.emergency} component={Emergency} />
        <Route path={clinic.staff} component={Staff} />
        <Route path={clinic.audit} component={Audit} />
        <Route path={clinic.account} component={Account} />
        <Route component={NothingHere} />
      </Switch>
    </Frame>
  );
}
