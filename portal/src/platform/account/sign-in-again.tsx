// On the platform a fresh proof is a sign-in: whoever changes passkeys has shown one, or the password, a moment ago.
import type { ReactNode } from 'react';
import type { SessionView } from '../../api/platform.gen.ts';
import { useMe } from '../../shell/session.tsx';
import { StepUp } from '../../shell/step-up.tsx';
import { SignInForm } from '../door/sign-in-form.tsx';

export function SignInAgain({ children }: { children: ReactNode }) {
  const me = useMe<SessionView>();
  return (
    <StepUp
      form={(proven) => (
        <SignInForm
          done={(session) => {
            // Somebody else's passkey was shown: this is their console now, and nothing of the first one's goes on in it.
            if (session.login === me.login) proven(session.csrf_token);
            else location.reload();
          }}
        />
      )}
    >
      {children}
    </StepUp>
  );
}
