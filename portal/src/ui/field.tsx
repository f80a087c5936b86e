// Fields of forms: a label above, a hint below, the fault beside it, all of it said to screen readers.
import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react';

interface About {
  label: string;
  hint?: string | undefined;
  fault?: string | undefined;
  /** Says that a field may stay empty, in the reader's words. */
  optional?: string | undefined;
}

type InputProps = About & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> };
type SelectProps = About & SelectHTMLAttributes<HTMLSelectElement> & { ref?: Ref<HTMLSelectElement> };

function useFieldIds(fault: string | undefined, hint: string | undefined) {
  const id = useId();
  const described = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return {
    id,
    control: {
      id,
      'aria-invalid': fault ? true : undefined,
      'aria-describedby': described || undefined,
    } as const,
  };
}

function Frame({ id, label, hint, fault, optional, children }: About & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {optional && <span className="optional"> ({optional})</span>}
      </label>
      {children}
      {fault && (
        <p className="fault" id={`${id}-fault`} role="alert">
          {fault}
        </p>
      )}
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function Field({ label, hint, fault, optional, ...input }: InputProps) {
  const { id, control } = useFieldIds(fault, hint);
  return (
    <Frame {...{ id, label, hint, fault, optional }}>
      <input type="text" autoComplete="off" spellCheck={false} {...input} {...control} />
    </Frame>
  );
}

export function Select({ label, hint, fault, optional, children, ...select }: SelectProps) {
  const { id, control } = useFieldIds(fault, hint);
  return (
    <Frame {...{ id, label, hint, fault, optional }}>
      <select {...select} {...control}>
        {children}
      </select>
    </Frame>
  );
}

type TextAreaProps = About & TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> };

export function TextArea({ label, hint, fault, optional, ...area }: TextAreaProps) {
  const { id, control } = useFieldIds(fault, hint);
  return (
    <Frame {...{ id, label, hint, fault, optional }}>
      <textarea rows={2} autoComplete="off" spellCheck={false} {...area} {...control} />
    </Frame>
  );
}
