// Trying what the server may refuse: what is wrong with a field is said beside it, anything else above the form.
import { type ReactNode, useState } from 'react';
import type { FieldValues, UseFormReturn } from 'react-hook-form';
import { CallError } from '../api/call.ts';
import { useFaults } from './faults.ts';
import { Failure } from './feedback.tsx';

interface Attempt {
  /** Does the work and gives what went wrong, after it was shown; nothing where all went well. */
  attempt: <T extends FieldValues>(work: () => Promise<unknown>, form?: UseFormReturn<T>) => Promise<unknown>;
  /** The work is being done. */
  busy: boolean;
  /** What went wrong with the last try, to be placed where it is seen. */
  failed: ReactNode;
}

export function useAttempt(): Attempt {
  const faults = useFaults();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  return {
    busy,
    failed: failure !== undefined && <Failure error={failure} />,
    attempt: async (work, form) => {
      setFailure(undefined);
      setBusy(true);
      try {
        await work();
        return undefined;
      } catch (error) {
        if (!(form && error instanceof CallError && faults.put(form, error))) setFailure(error);
        return error;
      } finally {
        setBusy(false);
      }
    },
  };
}
