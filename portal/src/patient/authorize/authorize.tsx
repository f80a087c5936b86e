// Where a person lets an application in: what it asks for in plain words, and yes or no.
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, isRefused } from '../../api/call.ts';
import { oauthAuthorize } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { useAbility } from '../abilities.ts';

/** What the application put into the address; nothing of it is used before the server has taken it. */
function asked() {
  const query = new URLSearchParams(window.location.search);
  const given = (name: string) => query.get(name) ?? '';
  return {
    response_type: given('response_type'),
    client_id: given('client_id'),
    redirect_uri: given('redirect_uri'),
    scope: query.get('scope'),
    state: query.get('state'),
    code_challenge: given('code_challenge'),
    code_challenge_method: given('code_challenge_method'),
  };
}

export function Authorize() {
  const { t } = useText();
  const [question] = useState(asked);
  const answer = useQuery({
    queryKey: ['authorize', question],
    queryFn: async ({ signal }) => (await call(oauthAuthorize, { body: { ...question, approve: false }, signal })).data,
    retry: false,
  });
  const agree = useMutation({
    mutationFn: async () => (await call(oauthAuthorize, { body: { ...question, approve: true } })).data,
    onSuccess: ({ redirect_to }) => redirect_to && window.location.assign(redirect_to),
  });
  return (
    <Page title={t('authorize.title')}>
      {answer.isPending && <Loading lines={3} />}
      {answer.isError &&
        (isRefused(answer.error) ? (
          <Notice kind="bad" title={t('authorize.wrong')} />
        ) : (
          <Failure error={answer.error} retry={() => void answer.refetch()} />
        ))}
      {answer.isSuccess && (
        <section className="panel stack" aria-label={t('authorize.title')}>
          <p>
            <bdi>{t('authorize.asks', { client: answer.data.client })}</bdi>
          </p>
          <Abilities scope={answer.data.scope} />
          <p className="quiet-text">{t('authorize.text')}</p>
          {agree.isError && <Failure error={agree.error} />}
          <div className="actions end">
            <Button onClick={() => window.location.assign(answer.data.refuse_to)}>{t('authorize.refuse')}</Button>
            <Button look="primary" busy={agree.isPending || agree.isSuccess} onClick={() => agree.mutate()}>
              {t('authorize.allow')}
            </Button>
          </div>
        </section>
      )}
    </Page>
  );
}

function Abilities({ scope }: { scope: string[] }) {
  const words = scope.map(useAbility());
  return (
    <ul>
      {[...new Set(words)].map((word) => (
        <li key={word}>{word}</li>
      ))}
    </ul>
  );
}
