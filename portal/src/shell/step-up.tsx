// Some things need a proof that is fresh: this asks for one when the server says so, and tries again.
import { createContext, type ReactNode, use, useCallback, useState } from 'react';
import { CallError, keepCsrfToken } from '../api/call.ts';
import { useText } from '../text/text.tsx';
import { Sheet } from '../ui/dialog.tsx';

type Fresh = <T>(work: () => Promise<T>) => Promise<T>;

const StepUpContext = createContext<Fresh>((work) => work());

/** Runs what may need a fresh proof. */
export const useStepUp = () => use(StepUpContext);

interface Asked {
  proven: () => void;
  given_up: () => void;
}

interface Props {
  /** Asks for the proof and hands the session's new token on. */
  form: (proven: (csrfToken: string) => void) => ReactNode;
  children: ReactNode;
}

export function StepUp({ form, children }: Props) {
  const { t } = useText();
  const [asked, setAsked] = useState<Asked>();
  const fresh = useCallback<Fresh>(async (work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CallError && error.code === 'step_up_required')) throw error;
      await new Promise<void>((resolve, reject) => setAsked({ proven: resolve, given_up: () => reject(error) }));
      return work();
    }
  }, []);
  const close = () => {
    asked?.given_up();
    setAsked(undefined);
  };
  const proven = (csrfToken: string) => {
    keepCsrfToken(csrfToken);
    asked?.proven();
    setAsked(undefined);
  };
  return (
    <StepUpContext value={fresh}>
      {children}
      <Sheet open={asked !== undefined} close={close} title={t('factor.again_title')}>
        <p>{t('factor.again_text')}</p>
        {form(proven)}
      </Sheet>
    </StepUpContext>
  );
}
