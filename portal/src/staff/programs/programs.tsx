// Programs of other organisations and applications for patients: those that the clinic has let in, and registering another one.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { call } from '../../api/call.ts';
import { type ClientView, oauthClientList, type SiteView } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { choosable } from '../../clinic/sites/choosable.ts';
import { useSites } from '../../clinic/sites/use-sites.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { Program } from './program.tsx';
import { RegisterProgram } from './register.tsx';

const KEY = ['programs'];

/** What was done last, with the id of a program that was registered. */
interface Said {
  words: Key;
  id?: string;
}

export default function Programs() {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const [registering, setRegistering] = useState(false);
  const [said, setSaid] = useState<Said>();
  const sites = useSites();
  const programs = useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await call(oauthClientList, { signal })).data.items,
  });
  const done = async (next?: Said) => {
    setSaid(undefined);
    await queries.invalidateQueries({ queryKey: KEY });
    setSaid(next);
  };
  return (
    <Page
      title={t('programs.title')}
      actions={
        sites.data &&
        may(me.role, 'oauth_client.register') && (
          <Button look="primary" onClick={() => setRegistering(true)}>
            {t('programs.register')}
          </Button>
        )
      }
    >
      <p>{t('programs.text')}</p>
      {said && (
        <Notice kind="good" title={t(said.words)}>
          {said.id && (
            <p>
              {t('programs.id_is')} <code>{said.id}</code>
            </p>
          )}
        </Notice>
      )}
      {(programs.isPending || sites.isPending) && <Loading lines={4} />}
      {programs.isError && <Failure error={programs.error} retry={() => void programs.refetch()} />}
      {sites.isError && <Failure error={sites.error} retry={() => void sites.refetch()} />}
      {programs.data?.length === 0 && <Empty title={t('programs.none')} />}
      {programs.data && sites.data && <List programs={programs.data} sites={sites.data} done={done} />}
      <Sheet open={registering} close={() => setRegistering(false)} title={t('programs.register')}>
        <RegisterProgram
          sites={choosable(sites.data ?? [])}
          close={() => setRegistering(false)}
          registered={async (id) => {
            setRegistering(false);
            await done({ words: 'programs.registered', id });
          }}
        />
      </Sheet>
    </Page>
  );
}

interface ListProps {
  programs: ClientView[];
  sites: SiteView[];
  done: (said?: Said) => Promise<void>;
}

/** What acts comes first, each part by name. */
function List({ programs, sites, done }: ListProps): ReactNode {
  const { language } = useText();
  const byName = (one: ClientView, other: ClientView) => one.name.localeCompare(other.name, language);
  const ended = ({ state }: ClientView) => Number(state !== 'active');
  const shown = [...programs].sort((one, other) => ended(one) - ended(other) || byName(one, other));
  return shown.map((one) => <Program key={one.id} {...{ one, sites }} changed={(words) => done(words && { words })} />);
}
