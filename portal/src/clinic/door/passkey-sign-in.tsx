// Signing in with a passkey alone, where the browser has them.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { sessionChallenge, sessionCreatePasskey } from '../../api/clinic.gen.ts';
import { answerWithPasskey, passkeysWork } from '../../shell/passkey.ts';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import type { Me } from '../me.ts';

export function PasskeySignIn({ failed }: { failed: (error: unknown) => void }) {
  const { t } = useText();
  const { begin } = useSession<Me>();
  const [busy, setBusy] = useState(false);
  if (!passkeysWork()) return null;
  const signIn = async () => {
    failed(undefined);
    setBusy(true);
    try {
      const { data: options } = await call(sessionChallenge);
      const credential = await answerWithPasskey(options);
      const { data } = await call(sessionCreatePasskey, { body: { handle: options.handle ?? '', credential } });
      await begin(data.csrf_token);
    } catch (error) {
      failed(error);
    }
    setBusy(false);
  };
  return (
    <Button busy={busy} onClick={() => void signIn()}>
      {t('sign_in.passkey')}
    </Button>
  );
}
