// Puts the server's faults beside the fields they are about. The rules are the server's; here are only the words.
import type { FieldValues, Path, UseFormReturn } from 'react-hook-form';
import type { CallError } from '../api/call.ts';
import { type Key, useText } from '../text/text.tsx';

/** `/names/0/family` as a form knows it; a form may know the parts of a list as one field. */
export function fieldOf(pointer: string, known: (path: string) => boolean): string | undefined {
  const parts = pointer.split('/').slice(1);
  while (parts.length > 0) {
    const path = parts.join('.');
    if (known(path)) return path;
    parts.pop();
  }
  return undefined;
}

export function useFaults() {
  const { t, has } = useText();
  const words = (code: string) => t(has(`fault.${code}`) ? (`fault.${code}` as Key) : 'fault.other');
  return {
    words,
    /** Puts every fault at its field and goes to the first; false when one has no field, so that it is shown elsewhere. */
    put<T extends FieldValues>(form: UseFormReturn<T>, error: CallError): boolean {
      let placed = error.fields.length > 0;
      const names = [...form.control._names.mount];
      for (const [index, fault] of error.fields.entries()) {
        const field = fieldOf(fault.pointer, (path) => names.includes(path as never));
        if (field) form.setError(field as Path<T>, { message: words(fault.code) }, { shouldFocus: index === 0 });
        else placed = false;
      }
      return placed;
    },
  };
}
