// In a clinic a fresh proof is a second step: a code, a recovery code or a passkey.
import type { ReactNode } from 'react';
import { StepUp as Asking } from '../../shell/step-up.tsx';
import { FactorForm } from './prove-factor.tsx';

export { useStepUp } from '../../shell/step-up.tsx';

export function StepUp({ children }: { children: ReactNode }) {
  return <Asking form={(proven) => <FactorForm done={proven} />}>{children}</Asking>;
}
