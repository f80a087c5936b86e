// Some things need a second step that is fresh: this asks for one when the server says so, and tries again.
import { createContext, type ReactNode, use, useCallback, useState } from 'react';
import { CallError, keepCsrfToken } from '../../api/call.ts';
import { useText } from '../../text/text.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { FactorForm } from './prove-factor.tsx';

type Fresh = <T>(work: () => Promise<T>) => Promise<T>;

const StepUpContext = createContext<Fresh>((work) => work());

/** Runs what may need a fresh second step. */
export const useStepUp = () => use(StepUpContext);

interface Asked {
  proven: () => void;
  given_up: () => void;
}

export function StepUp({ children }: { children: ReactNode }) {
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
  return (
    <StepUpContext value={fresh}>
      {children}
      <Sheet open={asked !== undefined} close={close} title={t('factor.again_title')}>
        <p>{t('factor.again_text')}</p>
        <FactorForm
          done={(csrfToken) => {
            keepCsrfToken(csrfToken);
            asked?.proven();
            setAsked(undefined);
          }}
        />
      </Sheet>
    </StepUpContext>
  );
}
