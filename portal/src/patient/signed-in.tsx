// What is behind the patients' door: which screen answers at which address.
import { Route, Switch } from 'wouter';
import { StepUp } from '../clinic/account/step-up.tsx';
import type { Me } from '../clinic/me.ts';
import { usePlaceLine } from '../clinic/place.ts';
import { my, patterns } from '../paths.ts';
import { Frame } from '../shell/frame.tsx';
import { NothingHere } from '../shell/nothing-here.tsx';
import { useMe, useSession } from '../shell/session.tsx';
import type { Way } from '../shell/ways.ts';
import { useText } from '../text/text.tsx';
import { WhoLooked } from './access/who-looked.tsx';
import { Account } from './account/account.tsx';
import { Authorize } from './authorize/authorize.tsx';
import { Corrections } from './correction/corrections.tsx';
import { Documents } from './documents/documents.tsx';
import { Home } from './home/home.tsx';
import { FamilySwitch, isAnothers, isGiven, OwnRecordsProvider, useOwnRecords, useTold } from './own-records.tsx';
import { Proxies } from './proxies/proxies.tsx';
import { Contact } from './record/contact.tsx';
import { Record } from './record/record.tsx';

export default function SignedIn() {
  return (
    <StepUp>
      <OwnRecordsProvider>
        <Screens />
      </OwnRecordsProvider>
    </StepUp>
  );
}

function Screens() {
  const { t } = useText();
  const told = useTold();
  const me = useMe<Me>();
  const { signOut } = useSession<Me>();
  const { all, chosen } = useOwnRecords();
  const ways: Way[] = chosen
    ? [
        ...(isGiven(chosen, 'record') ? [{ to: my.record(chosen.id), label: told('ways.record') }] : []),
        ...(isGiven(chosen, 'documents') ? [{ to: my.documents(chosen.id), label: t('documents.title') }] : []),
        ...(isGiven(chosen, 'record') ? [{ to: my.access(chosen.id), label: t('ways.access') }] : []),
      ]
    : [];
  // A patient's account has no name of its own; who only stands in for others is known by the address.
  const own = all.find((one) => !isAnothers(one));
  return (
    <Frame
      place={usePlaceLine()}
      ways={ways}
      who={own?.name ?? me.email}
      role={t(`role.${me.role}`)}
      account={{ to: my.account, label: t('account.title') }}
      signOut={() => void signOut()}
    >
      <FamilySwitch />
      <Switch>
        <Route path={my.home} component={Home} />
        <Route path={my.account} component={Account} />
        <Route path={my.authorize} component={Authorize} />
        <Route path={patterns.myRecord}>{(at) => <Record key={at.id} id={at.id} />}</Route>
        <Route path={patterns.myContact}>{(at) => <Contact key={at.id} id={at.id} />}</Route>
        <Route path={patterns.myDocuments}>{(at) => <Documents key={at.id} id={at.id} />}</Route>
        <Route path={patterns.myAccess}>{(at) => <WhoLooked key={at.id} id={at.id} />}</Route>
        <Route path={patterns.myCorrections}>{(at) => <Corrections key={at.id} id={at.id} />}</Route>
        <Route path={patterns.myProxies}>{(at) => <Proxies key={at.id} id={at.id} />}</Route>
        <Route component={NothingHere} />
      </Switch>
    </Frame>
  );
}
