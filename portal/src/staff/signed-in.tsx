// The staff application behind its door: the ways that a role has, and which screen answers at which address.
import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { StepUp } from '../clinic/account/step-up.tsx';
import { type Action, type Me, may } from '../clinic/me.ts';
import { usePlaceLine } from '../clinic/place.ts';
import { clinic, patterns } from '../paths.ts';
import { Frame } from '../shell/frame.tsx';
import { NothingHere } from '../shell/nothing-here.tsx';
import { useMe, useSession } from '../shell/session.tsx';
import type { Way } from '../shell/ways.ts';
import { useText } from '../text/text.tsx';
import { Loading } from '../ui/feedback.tsx';
import { Account } from './account/account.tsx';
import { Audit } from './audit/audit.tsx';
import { Emergency } from './break-glass/emergency.tsx';
import { PatientCorrections, WaitingCorrections } from './corrections/corrections.tsx';
import { Documents } from './documents/documents.tsx';
import { Keys } from './keys/keys.tsx';
import { EditPatient } from './patients/edit-patient.tsx';
import { PatientRecord } from './patients/patient-record.tsx';
import { Patients } from './patients/patients.tsx';
import { RegisterPatient } from './patients/register-patient.tsx';
import { Staff } from './people/staff.tsx';
import { Proxies } from './proxies/proxies.tsx';
import { CareTeam } from './relationships/care-team.tsx';
import { Worklist } from './worklist/worklist.tsx';

// Needed now and then, so they are loaded then.
const Erasure = lazy(() => import('./erasure/erasure.tsx'));
const Uses = lazy(() => import('./disclosures/uses.tsx'));
const Sites = lazy(() => import('./sites/sites.tsx'));
const Programs = lazy(() => import('./programs/programs.tsx'));
const Sessions = lazy(() => import('./sessions/sessions.tsx'));
const Imaging = lazy(() => import('./documents/imaging.tsx'));
const Support = lazy(() => import('./support/support.tsx'));

export default function SignedIn() {
  return (
    <StepUp>
      <Screens />
    </StepUp>
  );
}

function Screens() {
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
    { to: clinic.sites, label: t('ways.sites'), action: 'site.create' },
    { to: clinic.programs, label: t('ways.programs'), action: 'oauth_client.list' },
    { to: clinic.sessions, label: t('ways.sessions'), action: 'session_policy.change' },
    { to: clinic.imaging, label: t('ways.imaging'), action: 'document_policy.read' },
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
      <Suspense fallback={<Waiting />}>
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
          <Route path={patterns.uses}>{(at) => <Uses patient={at.id} />}</Route>
          <Route path={clinic.corrections} component={WaitingCorrections} />
          <Route path={clinic.emergency} component={Emergency} />
          <Route path={clinic.staff} component={Staff} />
          <Route path={clinic.sites} component={Sites} />
          <Route path={clinic.programs} component={Programs} />
          <Route path={clinic.sessions} component={Sessions} />
          <Route path={clinic.imaging} component={Imaging} />
          <Route path={clinic.audit} component={Audit} />
          <Route path={clinic.keys} component={Keys} />
          <Route path={clinic.support} component={Support} />
          <Route path={clinic.account} component={Account} />
          <Route component={NothingHere} />
        </Switch>
      </Suspense>
    </Frame>
  );
}

function Waiting() {
  return (
    <div className="page">
      <Loading lines={6} />
    </div>
  );
}
