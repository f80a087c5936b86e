// The staff application: which screen answers at which address, with a session and without.
import type { QueryClient } from '@tanstack/react-query';
import { Redirect, Route, Router, Switch } from 'wouter';
import { StepUp } from '../clinic/account/step-up.tsx';
import { Doorway } from '../clinic/door/doorway.tsx';
import { SignedOut } from '../clinic/door/signed-out.tsx';
import { type Action, type Me, may, sessionApi } from '../clinic/me.ts';
import { usePlaceLine } from '../clinic/place.ts';
import { ACCEPT_INVITATION, CLINIC_BASE, clinic, patterns, RECOVER } from '../paths.ts';
import { Frame } from '../shell/frame.tsx';
import { NothingHere } from '../shell/nothing-here.tsx';
import { SessionProvider, useMe, useSession } from '../shell/session.tsx';
import type { Way } from '../shell/ways.ts';
import { useText } from '../text/text.tsx';
import { Account } from './account/account.tsx';
import { Audit } from './audit/audit.tsx';
import { Emergency } from './break-glass/emergency.tsx';
import { PatientCorrections, WaitingCorrections } from './corrections/corrections.tsx';
import { Documents } from './documents/documents.tsx';
import { AcceptInvitation } from './door/accept-invitation.tsx';
import { Recover } from './door/recover.tsx';
import { SignIn } from './door/sign-in.tsx';
import { Erasure } from './erasure/erasure.tsx';
import { Keys } from './keys/keys.tsx';
import { EditPatient } from './patients/edit-patient.tsx';
import { PatientRecord } from './patients/patient-record.tsx';
import { Patients } from './patients/patients.tsx';
import { RegisterPatient } from './patients/register-patient.tsx';
import { Staff } from './people/staff.tsx';
import { Proxies } from './proxies/proxies.tsx';
import { CareTeam } from './relationships/care-team.tsx';
import { Support } from './support/support.tsx';
import { Worklist } from './worklist/worklist.tsx';

const SESSION = sessionApi(`${CLINIC_BASE}${clinic.signedOut}`);

export function StaffApp({ queries }: { queries: QueryClient }) {
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
              <StepUp>
                <SignedIn />
              </StepUp>
            </Doorway>
          </Route>
        </Switch>
      </Router>
    </SessionProvider>
  );
}

function SignedIn() {
  const { t } = useText();
  const me = useMe<Me>();
  const { signOut } = useSession<Me>();
  const all: (Way & { action: Action })[] = [
    { to: clinic.home, label: t('ways.worklist'), action: 'worklist.read' },
    { to: clinic.patients, label: t('ways.patients'), action: 'patient.search' },
    { to: clinic.corrections, label: t('ways.corrections'), action: 'correction.waiting' },
    { to: clinic.emergency, label: t('ways.emergency'), action: 'break_glass.start' },
    { to: clinic.emergency, label: t('ways.reviews'), action: 'break_glass.list' },
    { to: clinic.staff, label: t('ways.staff'), action: 'staff.list' },
    { to: clinic.audit, label: t('ways.audit'), action: 'audit.search' },
    { to: clinic.keys, label: t('ways.keys'), action: 'keys.read' },
    { to: clinic.support, label: t('ways.support'), action: 'support.list' },
  ];
  const ways = all.filter((way) => may(me.role, way.action));
  const account = { to: clinic.account, label: t('account.title') };
  return (
    <Frame
      place={usePlaceLine()}
      ways={ways}
      who={me.display_name}
      role={t(`role.${me.role}`)}
      account={account}
      signOut={() => void signOut()}
    >
      <Switch>
        <Route path={clinic.home}>
          {may(me.role, 'worklist.read') ? <Worklist /> : <Redirect to={(ways[0] ?? account).to} replace />}
        </Route>
        <Route path={clinic.patients} component={Patients} />
        <Route path={clinic.register} component={RegisterPatient} />
        <Route path={patterns.patient}>{(at) => <PatientRecord id={at.id} />}</Route>
        <Route path={patterns.editPatient}>{(at) => <EditPatient id={at.id} />}</Route>
        <Route path={patterns.documents}>{(at) => <Documents patient={at.id} />}</Route>
        <Route path={patterns.careTeam}>{(at) => <CareTeam patient={at.id} />}</Route>
        <Route path={patterns.proxies}>{(at) => <Proxies patient={at.id} />}</Route>
        <Route path={patterns.patientCorrections}>{(at) => <PatientCorrections patient={at.id} />}</Route>
        <Route path={patterns.erasure}>{(at) => <Erasure patient={at.id} />}</Route>
        <Route path={clinic.corrections} component={WaitingCorrections} />
        <Route path={clinic.emergency} component={Emergency} />
        <Route path={clinic.staff} component={Staff} />
        <Route path={clinic.audit} component={Audit} />
        <Route path={clinic.keys} component={Keys} />
        <Route path={clinic.support} component={Support} />
        <Route path={clinic.account} component={Account} />
        <Route component={NothingHere} />
      </Switch>
    </Frame>
  );
}
